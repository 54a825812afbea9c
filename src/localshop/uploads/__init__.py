"""Publishing: what is sent is examined, kept, and shown at once."""
