"""The tools that a journey is handed, built once at the start of a process."""

from .shop import Shop, open_shop

__all__ = ["Shop", "open_shop"]
