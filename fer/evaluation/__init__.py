"""How good a model is, where it fails and why: a bundle on labelled faces. Neither Keras nor Streamlit."""
