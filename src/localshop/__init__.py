"""localshop, a private PyPI server: one URL for the packages of PyPI and for your own."""

__version__ = "3.0.0.dev0"
