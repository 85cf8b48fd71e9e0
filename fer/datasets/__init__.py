"""Labelled faces: FER-2013 in the forms people have it in, FER+ votes, and drawn faces for a first try."""
