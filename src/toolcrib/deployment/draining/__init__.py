"""Taking releases out of use: who uses them, asking runs to stop, purging, and removing what nothing needs any more."""
