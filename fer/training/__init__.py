"""Training, in its own process: the one package that imports Keras. Importing it imports nothing."""
