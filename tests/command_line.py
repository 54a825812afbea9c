"""The real command line, as processes of their own on homes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import warm
from databases import copy_database, database_of


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """What stands on stdout: one JSON text and nothing beside it."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """``localshop`` for one home and its database, with none of the settings of this process."""

    home: Path

    @property
    def database(self):
        return database_of(self.home)

    def with_tables(self):
        """Make the home and its tables, which takes ``localshop`` itself a second; no more is in them yet."""
        self.home.mkdir(mode=0o700, parents=True)
        self.database.make_tables()
        return self

    def copied_to(self, home):
        """Another home with all that is in this one."""
        shutil.copytree(self.home, home)
        copy_database(self.home, home)
        return CommandLine(home)

    def environ(self, **more):
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOCALSHOP_", "DJANGO_"))
        }
        told = {} if "LOCALSHOP_DATABASE_URL" in more else self.database.environ
        return {**ours, "LOCALSHOP_HOME": str(self.home), **told, **more}

    def start(self, *arguments, **environ):
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "localshop", *arguments],
            env=self.environ(**environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, **environ):
        """Run a command to its end, however it ends."""
        if "PYTHONPATH" not in environ:
            return Ended(*warm.run(arguments, self.environ(**environ), timeout=60))
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    def good(self, *arguments, **environ):
        """Run a command that must succeed and has nothing to complain of."""
        ended = self.run(*arguments, **environ)
        assert (ended.code, ended.err) == (0, ""), ended
        return ended

    def bad(self, *arguments, code=1, **environ):
        """Run a command that must fail with one sentence, and give the sentence."""
        ended = self.run(*arguments, **environ)
        assert (ended.code, ended.out) == (code, ""), ended
        assert "Traceback" not in ended.err
        if code == 1:
            assert ended.err.startswith("localshop: "), ended.err
            assert ended.err.count("\n") == 1, ended.err
        return ended.err

    def __call__(self, *arguments):
        """Run with ``--json`` and give what it says."""
        return self.good(*arguments, "--json").json
