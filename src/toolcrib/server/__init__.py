"""The HTTP door: an ASGI application around an open project."""
