"""Projects as archives: packed the same way each time, and read as if an enemy had made them."""
