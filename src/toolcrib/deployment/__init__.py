"""The wing of the release: from a change in a directory to code that serves, or to the reasons why not."""
