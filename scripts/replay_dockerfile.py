"""Does what a Dockerfile says, without Docker: `replay_dockerfile.py DOCKERFILE PLACE`, from the context.

What it copies and runs at ``/src`` or ``/opt`` happens below PLACE instead. The facts about the image that
comes of it (environment, user, command, health check) are in ``PLACE/image.json``. It knows only what our
own Dockerfile says, and stops at anything else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

_BELOW = re.compile(r"(?<![\w./-])/(?=(?:src|wheels|opt|var/lib/localshop|etc)\b)")
_PYTHONS = ("/usr/bin/python3", sys.executable)


def main(dockerfile: Path, place: Path) -> None:
    replay = _Replay(place)
    for instruction, value in instructions(dockerfile.read_text()):
        step = getattr(replay, instruction.lower().replace("from", "from_"), None)
        if step is None:
            sys.exit(f"An instruction that is not replayed: {instruction} {value}")
        step(value)
    (place / "image.json").write_text(json.dumps(replay.image, indent=2))


class _Replay:
    """One step for each instruction; ``image`` is what is known of the image so far."""

    def __init__(self, place: Path) -> None:
        self.image: dict[str, Any] = {"env": {}}
        self._place = place
        self._inside("/etc").mkdir(parents=True)
        self._environ = {**os.environ, "PATH": f"{_tools(place)}:{os.environ['PATH']}"}

    def from_(self, value: str) -> None:
        # The first stage has what the second one takes: both are below the same place.
        if not re.fullmatch(r"python:3\.\d+-slim( AS \w+)?", value):
            sys.exit(f"An image that is not replayed: {value}")

    def arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        # An empty one is as if it was not there, as for pip.
        self._environ |= {name: default} if default else {}

    def workdir(self, value: str) -> None:
        self._inside(value).mkdir(parents=True, exist_ok=True)

    def copy(self, value: str) -> None:
        *_, source, target = value.split()
        if source == ".":
            _copy_context(self._inside(target))
        elif not value.startswith("--from=build ") or source != target or not self._inside(source).exists():
            sys.exit(f"A copy that is not replayed: {value}")

    def run(self, value: str) -> None:
        command = _BELOW.sub(f"{self._place}/", value)
        if os.geteuid() != 0:
            command = re.sub(r"^install -d -o \d+ -g \d+", "install -d", command)
        subprocess.run(["sh", "-euc", command], check=True, env=self._environ, stdout=sys.stderr)

    def env(self, value: str) -> None:
        name, _, told = value.partition("=")
        self.image["env"][name] = told

    def healthcheck(self, value: str) -> None:
        self.image["healthcheck"] = json.loads(value[value.index("CMD") + 3 :])

    def cmd(self, value: str) -> None:
        self.image["command"] = json.loads(value)

    def user(self, value: str) -> None:
        self.image["user"] = value

    def volume(self, value: str) -> None:
        self.image["volume"] = value

    def expose(self, value: str) -> None:
        self.image["port"] = value

    def stopsignal(self, value: str) -> None:
        self.image["stopsignal"] = value

    def _inside(self, path: str) -> Path:
        return self._place / path.lstrip("/")


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with what they say, lines that go on put together."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    found = [line.strip().partition(" ") for line in whole.splitlines() if line.strip()]
    return [(instruction, value.strip()) for instruction, _, value in found]


def _tools(place: Path) -> Path:
    """A directory with ``python``: one that everybody on this machine may run, if there is one."""
    tools = place / "tools"
    tools.mkdir(parents=True)
    for python in _PYTHONS:
        able = "import sys, venv, ensurepip, pip; sys.exit(sys.version_info < (3, 11))"
        if Path(python).exists() and not subprocess.run([python, "-c", able], check=False).returncode:
            break
    (tools / "python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (tools / "python").chmod(0o755)
    return tools


def _copy_context(target: Path) -> None:
    """Copy the context as ``.dockerignore`` allows: it refuses all, then names what goes."""
    rules = [line for line in Path(".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    if rules[0] != "*":
        sys.exit("A .dockerignore that is not replayed: it has to refuse everything first.")
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    refused = [rule.rpartition("/")[2] for rule in rules[1:] if not rule.startswith("!")]

    def ignored(_directory: str, names: list[str]) -> list[str]:
        return [name for name in names if any(fnmatch(name, rule) for rule in refused)]

    for name in kept:
        if Path(name).is_dir():
            shutil.copytree(name, target / name, ignore=ignored)
        else:
            shutil.copy(name, target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).resolve())
