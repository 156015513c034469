"""Clips to MP4 and back: read, conform, encode, look at, describe."""
