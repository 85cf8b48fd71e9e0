"""Summarise the analyses of many photos: shares, means, groups, a test between them, charts and a methods paragraph."""
