"""How often, and how many at once: the links that make calls wait for their turn, or refuse them."""
