"""Releases in memory: the immutable catalogue, what serves now, and who uses what."""
