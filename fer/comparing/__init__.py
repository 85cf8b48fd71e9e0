"""Compare the models of training runs with each other, and with the model in use."""
