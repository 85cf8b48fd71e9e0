"""Live: camera frames in, annotated frames and readings out. Pages read `LiveSession.snapshot`; no Streamlit here."""
