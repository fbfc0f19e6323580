"""What a tool asks for, argument by argument, and how each kind of argument is read from a text."""
