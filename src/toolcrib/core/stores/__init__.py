"""Ports of stores with records of their own: what is kept, and what a store of it does."""
