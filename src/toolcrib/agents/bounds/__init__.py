"""Bounds of a turn: what of a thread is sent, which calls go in a circle, and what is said when an agent fails."""
