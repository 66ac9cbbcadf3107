"""The right private Python index for every notebook, job and cluster of a data workspace."""

__all__ = ["__version__"]

__version__ = "0.1.0"
