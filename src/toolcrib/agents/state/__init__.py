"""What is saved of threads: under names that no release changes, and brought from one release to another."""
