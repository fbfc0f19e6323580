"""Tools that come with toolcrib: written like a project's own, and part of a release when it needs them."""
