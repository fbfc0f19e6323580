"""What is compared of two releases, plain values that outlive the code they tell of; and how state comes across."""
