"""The one place where the rooms are put together, and the facade that users and doors talk to."""
