"""Bytes at rest: the store that the rest of the house uses, and our own storage on disk."""
