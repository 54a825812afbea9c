"""The command line: Django's own, with our commands in it. One file a command, named after it."""
