"""What the command line tells of past deployments."""
