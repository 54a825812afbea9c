"""Pages ready to be taken: built when something changes, served from memory."""
