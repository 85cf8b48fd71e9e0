"""Labelled faces: read, store, examine and correct datasets, or draw synthetic ones."""
