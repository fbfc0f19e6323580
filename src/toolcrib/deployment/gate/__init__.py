"""The gate: what a candidate must pass before it serves."""
