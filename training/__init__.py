"""How the weights that travel inside the package were made. Not part of the installed package."""
