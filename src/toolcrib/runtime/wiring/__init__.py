"""What an open project is made of: the adapters, chosen and put together, and what is seen of them."""
