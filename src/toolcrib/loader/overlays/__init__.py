"""Overlays: what the folder of a tenant puts over the project, for that tenant alone."""
