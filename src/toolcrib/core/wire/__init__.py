"""Values on their way: frames between processes, snapshots of values that are given out again."""
