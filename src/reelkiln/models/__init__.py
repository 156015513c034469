"""What can be loaded: cards, recognition, download, lock."""
