"""Experiments: variants of tools and agents side by side in one release, each caller always on the same one."""
