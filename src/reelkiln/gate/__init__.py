"""Clips to numbers, numbers to a verdict."""
