"""The warm verifier process: its client here, and the process itself."""
