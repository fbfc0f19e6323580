"""Where a tool's code runs: on the event loop, in a worker thread or in a worker process."""
