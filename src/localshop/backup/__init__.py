"""Backups: a consistent pair of tables and stored files, taken while everybody works, and brought back."""
