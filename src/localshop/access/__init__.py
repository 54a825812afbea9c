"""Who may come in: addresses, credentials, networks, rights."""

from .gate import Admission, Gate

__all__ = ["Admission", "Gate"]
