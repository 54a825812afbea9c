"""Bytes from afar: asking an upstream for pages, metadata and files."""
