"""The front door for the terminal."""
