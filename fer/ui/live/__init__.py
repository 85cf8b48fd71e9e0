"""The Live page's parts."""
