"""The web interface: pages for people."""
