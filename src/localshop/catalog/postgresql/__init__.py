"""Django's PostgreSQL backend, in which nobody waits for ever."""
