"""The same behaviour as on SQL, gone with the process; and what needs no database: caches, limits, locks."""
