"""What is compared of two releases: their shapes, plain values that outlive the code they tell of."""
