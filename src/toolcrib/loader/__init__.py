"""From a project's files to what a release is made of."""
