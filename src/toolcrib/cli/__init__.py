"""The command line: one small function for each command."""
