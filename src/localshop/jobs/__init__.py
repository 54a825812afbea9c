"""The back room: what is done behind the requests, and the loop that does it."""
