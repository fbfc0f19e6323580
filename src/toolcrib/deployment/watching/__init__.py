"""Watching a directory: when to look at it, whether it is at rest, and handing it on when it is."""
