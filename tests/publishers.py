"""Real twine, uv, poetry, pdm, hatch and flit, each set up to publish the files of one release.

    publisher = Twine(place)
    publisher.holds(wheel("demo", "1.0"), sdist("demo", "1.0"))
    publisher.publish(url, name, secret)                      # a command_line.Ended

flit knows no files that were built elsewhere: it builds a project, and ``holds`` writes one for it.
The programs come from ``scripts/clients``, as those of installers.
"""

from __future__ import annotations

import shutil

from installers import PYTHON, Client

_FLIT = """
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
description = "For tests"
"""


class Publisher(Client):
    """What all of them have in common: a project with a directory ``dist``."""

    @property
    def dist(self):
        return self.project / "dist"

    @property
    def files(self):
        return sorted(self.dist.iterdir())

    def holds(self, *distributions):
        """Put these files, of one release, where they are published from; others are gone."""
        self.dist.mkdir(exist_ok=True)
        for old in self.files:
            old.unlink()
        for one in distributions:
            (self.dist / one.filename).write_bytes(one.body)
        self.write_project(distributions[0])

    def write_project(self, distribution):
        """The least that lets a client take the directory for a project."""
        (self.project / "pyproject.toml").write_text(
            f'[project]\nname = "{distribution.project}"\nversion = "{distribution.version}"\n'
            f'requires-python = "=={PYTHON}.*"\n'
        )

    def do(self, *arguments, **environ):
        """Run the program."""
        return self.run(self.program / "bin" / self.name, *arguments, **environ)


class Twine(Publisher):
    """twine upload."""

    name = "twine"

    def publish(self, url, name, secret, *more, **environ):
        quiet = ("--non-interactive", "--disable-progress-bar")
        pair = ("--username", name, "--password", secret)
        options = (*quiet, "--repository-url", url, *pair, *more)
        return self.do("upload", *options, *self.files, COLUMNS="300", **environ)


class Uv(Publisher):
    """uv publish."""

    name = "uv"

    def publish(self, url, name, secret, *more, **environ):
        pair = ("--username", name, "--password", secret)
        return self.do("publish", "--no-config", "--publish-url", url, *pair, *more, *self.files, **environ)


class Poetry(Publisher):
    """poetry publish, with its configuration in the environment."""

    name = "poetry"

    def publish(self, url, name, secret, *more, **environ):
        return self.do(
            *("publish", "--repository", "shop", "--no-interaction", *more),
            POETRY_REPOSITORIES_SHOP_URL=url,
            POETRY_HTTP_BASIC_SHOP_USERNAME=name,
            POETRY_HTTP_BASIC_SHOP_PASSWORD=secret,
            COLUMNS="300",
            **environ,
        )


class Pdm(Publisher):
    """pdm publish, of files that are there."""

    name = "pdm"

    def publish(self, url, name, secret, *more, **environ):
        pair = ("--username", name, "--password", secret)
        options = ("--no-build", "--repository", url, *pair, *more)
        return self.do("publish", *options, PDM_CHECK_UPDATE="0", COLUMNS="300", **environ)


class Hatch(Publisher):
    """hatch publish."""

    name = "hatch"

    def publish(self, url, name, secret, *more, **environ):
        pair = ("--user", name, "--auth", secret)
        options = ("--no-prompt", "--repo", url, *pair, *more)
        return self.do("--no-color", "publish", *options, *self.files, COLUMNS="300", **environ)


class Flit(Publisher):
    """flit publish, which builds what it publishes each time."""

    name = "flit"

    def holds(self, *distributions):
        """Write a project of this name and version; what was built of another goes."""
        shutil.rmtree(self.dist, ignore_errors=True)
        self.write_project(distributions[0])

    def write_project(self, distribution):
        """A module with the size of the distribution in it, so that another one gives other bytes."""
        text = _FLIT.format(name=distribution.project, version=distribution.version)
        (self.project / "pyproject.toml").write_text(text)
        module = self.project / f"{distribution.normalised.replace('-', '_')}.py"
        module.write_text(f'"""For tests."""\nSIZE = {len(distribution.body)}\n')

    def publish(self, url, name, secret, *more, **environ):
        pair = {"FLIT_USERNAME": name, "FLIT_PASSWORD": secret}
        # Else no two builds of the same files give the same bytes.
        time = {"SOURCE_DATE_EPOCH": "1700000000"}
        return self.do("publish", *more, FLIT_INDEX_URL=url, **pair, **time, **environ)
