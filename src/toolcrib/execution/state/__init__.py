"""What links remember between calls."""
