"""Training runs as folders on disk: their settings, their state, and reading them without Keras."""
