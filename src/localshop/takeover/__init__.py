"""Takes over the home of the old localshop: its packages, people, networks and credentials."""
