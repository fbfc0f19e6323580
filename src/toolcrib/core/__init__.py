"""Words and sockets: the values every room speaks in and the ports adapters plug into."""
