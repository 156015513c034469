"""What is remembered: our own tables."""
