"""Releases that have still to prove themselves: what they did, how that compares, and what follows from it."""
