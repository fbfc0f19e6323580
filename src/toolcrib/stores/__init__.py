"""Where releases and runs outlive the process: SQL for real, memory for tests and throw-away projects."""
