"""Where a tool's code runs: on the event loop or in a worker thread."""
