"""What happened, for those who watch: the event hub and the log."""
