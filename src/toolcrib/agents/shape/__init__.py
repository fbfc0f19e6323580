"""The shape of a compiled graph: its nodes and edges, and what a checkpoint of it holds."""
