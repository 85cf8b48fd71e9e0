"""Turn camera frames into annotated frames and statistics. No Streamlit: a page reads `LiveSession.snapshot`."""
