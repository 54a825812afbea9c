"""What can be seen from outside of a running localshop: log lines and counters."""
