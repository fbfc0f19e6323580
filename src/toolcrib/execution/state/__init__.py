"""What links remember between calls: plain objects, told the time by their callers."""
