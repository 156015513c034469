"""Clips to MP4 and back."""
