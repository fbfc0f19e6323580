"""Background tasks: submitted now, run by bounded workers, looked at and cancelled while they run."""
