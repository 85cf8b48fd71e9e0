"""Home: what this is, what is loaded, and where to go."""

from fer.ui.frame import page_frame

page_frame("Home", ":material/home:")
