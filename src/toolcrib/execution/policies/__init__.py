"""One file per policy: each has `link`, which makes the chain's link for a tool, or None when the tool needs none."""
