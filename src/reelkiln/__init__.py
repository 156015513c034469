"""reelkiln: a product and a prompt template become finished, checked, labelled short videos."""

__all__ = ["__version__"]

__version__ = "0.1.0"
