"""What differs between two releases, and what that means for the threads of the older one."""
