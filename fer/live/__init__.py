"""Live: frames of a camera in, annotated frames and figures out. No Streamlit; a page reads `LiveSession.snapshot`."""
