"""The wing of the run: accepted, pinned, executed on the graph of its release, written to the ledger."""
