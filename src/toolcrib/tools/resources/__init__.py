"""Resources: what tools share and what outlives their calls, from the marked factory to what is open."""
