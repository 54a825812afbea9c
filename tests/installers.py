"""Real pip, uv, poetry and pdm, each run with a home, a cache and an environment of its own.

    client = Pip(place, version="23.3")
    client.install(index, "demo>=1", "--require-hashes")     # a command_line.Ended
    client.installed                                          # {"demo": "1.0"}
    client.resolve(index, "demo")                             # chooses, but installs nothing
    client.forget()                                           # a new environment, no cache

Nothing of the configuration or the environment of whoever runs the tests reaches them. The programs
come from ``scripts/clients``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from command_line import Ended

PROGRAMS = Path(__file__).parent.parent / ".cache" / "clients"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Client:
    """What all of them have in common."""

    def __init__(self, place, *, version=""):
        self.program = PROGRAMS / (f"{self.name}-{version}" if version else "newest")
        if not self.program.exists():
            pytest.skip(f"{self.program.name} is not there: scripts/clients installs it.")
        self.home = place / "home"
        self.venv = place / "venv"
        self.project = place / "project"
        self.forget()

    @property
    def python(self):
        return self.venv / "bin" / "python"

    @property
    def installed(self):
        """Version of each project in the environment."""
        found = self.venv.glob("lib/python*/site-packages/*.dist-info")
        return dict(one.name.removesuffix(".dist-info").replace("_", "-").rsplit("-", 1) for one in found)

    def forget(self):
        """Begin with a new environment, no cache and no project."""
        self.new_environment()
        self.forget_cache()
        shutil.rmtree(self.project, ignore_errors=True)
        self.project.mkdir()

    def forget_cache(self):
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)

    def new_environment(self):
        """Begin with a new environment, but keep the cache."""
        shutil.rmtree(self.venv, ignore_errors=True)
        venv.create(self.venv, symlinks=True)

    def netrc(self, index, name, secret):
        """Put credentials where all clients look for them."""
        file = self.home / ".netrc"
        file.write_text(f"machine {urlsplit(index).hostname} login {name} password {secret}\n")
        file.chmod(0o600)

    def run(self, *command, **environ):
        """Run a command to its end, however it ends."""
        clean = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "VIRTUAL_ENV": str(self.venv),
            # Whatever keyring this machine has is nobody's business.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **environ,
        }
        process = subprocess.run(
            [str(part) for part in command],
            env=clean,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(process.returncode, process.stdout, process.stderr)


class Pip(Client):
    """pip; an old one works in the new environment without being installed there."""

    name = "pip"

    def pip(self, *arguments, **environ):
        packages = self.program
        if self.program.name == "newest":
            packages = self.program / "lib" / f"python{PYTHON}" / "site-packages"
        alone = self.home / "pip"
        if not alone.exists():
            alone.mkdir()
            (alone / "pip").symlink_to(packages / "pip")
        command = (self.python, "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments)
        return self.run(*command, PYTHONPATH=str(alone), PIP_CONFIG_FILE=os.devnull, **environ)

    def install(self, index, *arguments, **environ):
        return self.pip("install", "--retries=0", f"--index-url={index}", *arguments, **environ)

    def resolve(self, index, *arguments):
        return self.install(index, "--dry-run", *arguments)


class Uv(Client):
    """uv, by its interface that is like pip's."""

    name = "uv"

    def uv(self, *arguments, **environ):
        uv = self.program / "bin" / "uv"
        ours = {"UV_PYTHON": str(self.python), "UV_HTTP_RETRIES": "0"}
        return self.run(uv, *arguments, **{**ours, **environ})

    def install(self, index, *arguments, **environ):
        return self.uv("pip", "install", "--no-config", f"--default-index={index}", *arguments, **environ)

    def resolve(self, index, *arguments):
        return self.install(index, "--dry-run", *arguments)


class _WithProject(Client):
    """A client that works on a project: what is installed is what its pyproject.toml asks for."""

    source = ""
    """A part of pyproject.toml that names the index; ``{index}`` is its URL."""

    def write(self, index, requirements):
        listed = "".join(f'  "{each}",\n' for each in requirements)
        (self.project / "pyproject.toml").write_text(
            f'[project]\nname = "users-project"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\n'
            f"dependencies = [\n{listed}]\n\n{self.source.format(index=index)}"
        )


class Poetry(_WithProject):
    """poetry, with the index as its only source, named ``shop``."""

    name = "poetry"
    source = '[[tool.poetry.source]]\nname = "shop"\nurl = "{index}"\npriority = "primary"\n'

    def install(self, index, *requirements, **environ):
        self.write(index, requirements)
        poetry = self.program / "bin" / "poetry"
        return self.run(poetry, "install", "--no-root", "--no-interaction", **environ)

    def resolve(self, index, *requirements):
        self.write(index, requirements)
        return self.run(self.program / "bin" / "poetry", "lock", "--no-interaction")


class Pdm(_WithProject):
    """pdm, with the index in the place of PyPI."""

    name = "pdm"
    source = '[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\n'

    def install(self, index, *requirements, **environ):
        self.write(index, requirements)
        pdm = self.program / "bin" / "pdm"
        return self.run(pdm, "install", "--no-self", PDM_CHECK_UPDATE="0", **environ)

    def resolve(self, index, *requirements):
        self.write(index, requirements)
        return self.run(self.program / "bin" / "pdm", "lock", PDM_CHECK_UPDATE="0")
