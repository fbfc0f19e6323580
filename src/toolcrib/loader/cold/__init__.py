"""What a process takes from a project once, when it starts: a change of it asks for a restart."""
