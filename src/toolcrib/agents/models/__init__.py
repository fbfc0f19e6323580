"""Models: their names, making them, and asking them."""
