"""Where releases, runs, calls and tasks outlive the process: any database SQLAlchemy speaks to."""
