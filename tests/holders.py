"""Other processes that hold the database, or our lock of it, until they are told to let go."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

_WRITES = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""
_STANDS = """
import fcntl, sys
with open(sys.argv[1] + "-lock", "a") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""
_READS = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("BEGIN")
database.execute("SELECT count(*) FROM catalog_project").fetchone()
print("held", flush=True)
sys.stdin.read()
"""


def writing(database):
    """Somebody from outside writes, and does not come to an end."""
    return _held(_WRITES, database)


def standing(database):
    """A process of ours has stopped while it was writing."""
    return _held(_STANDS, database)


def reading(database):
    """Somebody from outside reads, and does not come to an end."""
    return _held(_READS, database)


@contextmanager
def _held(program, database):
    """Held until the context ends, or ``let_go`` is called."""
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def let_go():
        holder.stdin.close()
        holder.wait(30)

    try:
        assert holder.stdout.readline() == "held\n"
        yield let_go
    finally:
        let_go()
        holder.stdout.close()
