"""Upload: drop photos, see each face with its expression."""

from fer.ui.frame import page_frame

page_frame("Upload", ":material/add_photo_alternate:")
