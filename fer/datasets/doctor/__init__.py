"""Find problems in a dataset, and make a copy without them."""
