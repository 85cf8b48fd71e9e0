"""What pages share: the frame round them, state, cached models, charts. The one part of fer that knows Streamlit."""
