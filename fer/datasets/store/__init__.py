"""The datasets of this installation: import, list, load, correct and delete them."""
