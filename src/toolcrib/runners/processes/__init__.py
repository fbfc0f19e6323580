"""Worker processes that can be killed: the pool here, and the programs that run over there."""
