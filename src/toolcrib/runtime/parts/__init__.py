"""Parts of the facade: what `Crib` leads to, each a small object of its own."""
