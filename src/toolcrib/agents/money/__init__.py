"""Money: what a model's answer may cost, what it did cost, and the accounts a run pays from."""
