"""What each client is told of a repository: the lines to copy, as text, with credentials or a place for them.

Where a file may end up in version control or in an image, it gets no secret: the credentials then
stand in a file of the user or in variables beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from localshop.catalog.repositories import DEFAULT

ACCESS_KEY = "ACCESS_KEY"
SECRET_KEY = "SECRET_KEY"  # noqa: S105 -- what stands there as long as there is none.


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together; ``where`` says into which file, or that they are commands."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """What one client needs."""

    tool: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return self.tool.partition(" ")[0].lower()


@dataclass(frozen=True, slots=True)
class _Facts:
    index: str
    name: str
    access_key: str
    secret_key: str

    @property
    def variable(self) -> str:
        """The name as a part of an environment variable."""
        return re.sub(r"[^A-Z0-9]", "_", self.name.upper())

    @property
    def host(self) -> str:
        return urlsplit(self.index).hostname or ""

    @property
    def insecure(self) -> bool:
        """Whether pip takes it only when told to: plain http, and not to this machine."""
        return self.index.startswith("http://") and not _is_loopback(self.host)


def cards(index: str, *, slug: str, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> list[Card]:
    """The lines for each client; ``index`` is the repository's URL without credentials."""
    # "pypi" would mean PyPI itself to some of them, so no slug stands alone.
    name = "localshop" if slug == DEFAULT else f"localshop-{slug}"
    facts = _Facts(index, name, access_key, secret_key)
    makers = (_pip, _uv, _poetry, _pdm, _hatch, _twine, _docker, _github, _gitlab)
    return [make(facts) for make in makers]


def pip_install(index: str) -> str:
    """The line that installs a package, whose name stands behind it."""
    facts = _Facts(index, "", "", "")
    return f"pip install --index-url {index}" + (f" --trusted-host {facts.host}" if facts.insecure else "")


def uv_install(index: str) -> str:
    """The same for uv."""
    return f"uv pip install --default-index {index}"


def netrc(index: str, *, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> str:
    """The entry of ``.netrc`` that pip, uv, hatch and curl read."""
    return f"machine {urlsplit(index).hostname}\nlogin {access_key}\npassword {secret_key}"


def with_credentials(index: str, pair: str) -> str:
    """The URL with ``user:password`` in it, as it is written."""
    parts = urlsplit(index)
    return urlunsplit(parts._replace(netloc=f"{pair}@{parts.netloc}"))


def _pip(facts: _Facts) -> Card:
    once = [f"pip config set global.index-url {facts.index}"]
    if facts.insecure:
        once.append(f"pip config set global.trusted-host {facts.host}")
    return _card("pip", _netrc_block(facts), _block("Once, on the command line", *once))


def _uv(facts: _Facts) -> Card:
    return _card(
        "uv",
        _block(
            "pyproject.toml",
            "[[tool.uv.index]]",
            f'name = "{facts.name}"',
            f'url = "{facts.index}"',
            f'publish-url = "{facts.index}"',
            "default = true",
        ),
        _block(
            "The environment, if they are not in .netrc",
            f"export UV_INDEX_{facts.variable}_USERNAME={facts.access_key}",
            f"export UV_INDEX_{facts.variable}_PASSWORD={facts.secret_key}",
        ),
        _block(
            "To publish",
            f"export UV_PUBLISH_USERNAME={facts.access_key}",
            f"export UV_PUBLISH_PASSWORD={facts.secret_key}",
            f"uv publish --index {facts.name}",
        ),
    )


def _poetry(facts: _Facts) -> Card:
    return _card(
        "Poetry",
        _block(
            "Once, on the command line, in the project",
            f"poetry source add --priority=primary {facts.name} {facts.index}",
            f"poetry config http-basic.{facts.name} {facts.access_key} {facts.secret_key}",
        ),
        _block(
            "To publish",
            f"poetry config repositories.{facts.name} {facts.index}",
            f"poetry publish --build --repository {facts.name}",
        ),
    )


def _pdm(facts: _Facts) -> Card:
    return _card(
        "PDM",
        _block(
            "pyproject.toml",
            "[[tool.pdm.source]]",
            # A source of the name "pypi" takes the place of PyPI itself.
            'name = "pypi"',
            f'url = "{facts.index}"',
            f"verify_ssl = {'false' if facts.insecure else 'true'}",
        ),
        _block(
            "Once, on the command line",
            f"pdm config pypi.username {facts.access_key}",
            f"pdm config pypi.password {facts.secret_key}",
        ),
        _block(
            "To publish",
            f"pdm config repository.{facts.name}.url {facts.index}",
            f"pdm config repository.{facts.name}.username {facts.access_key}",
            f"pdm config repository.{facts.name}.password {facts.secret_key}",
            f"pdm publish --repository {facts.name}",
        ),
    )


def _hatch(facts: _Facts) -> Card:
    return _card(
        "Hatch",
        _netrc_block(facts),
        _block(
            "pyproject.toml",
            "[tool.hatch.envs.default.env-vars]",
            f'PIP_INDEX_URL = "{facts.index}"',
            f'UV_DEFAULT_INDEX = "{facts.index}"',
        ),
        _block(
            "To publish",
            f"export HATCH_INDEX_REPO={facts.index}",
            f"export HATCH_INDEX_USER={facts.access_key}",
            f"export HATCH_INDEX_AUTH={facts.secret_key}",
            "hatch publish",
        ),
    )


def _twine(facts: _Facts) -> Card:
    return _card(
        "twine",
        _block(
            "~/.pypirc",
            "[distutils]",
            "index-servers =",
            f"    {facts.name}",
            "",
            f"[{facts.name}]",
            f"repository = {facts.index}",
            f"username = {facts.access_key}",
            f"password = {facts.secret_key}",
        ),
        _block("To publish", f"twine upload --repository {facts.name} dist/*"),
    )


def _docker(facts: _Facts) -> Card:
    return _card(
        "Docker",
        _netrc_block(facts),
        _block(
            "Dockerfile (the secret is there for one step, and not in the image)",
            "# syntax=docker/dockerfile:1",
            "FROM python:3-slim",
            f"ENV PIP_INDEX_URL={facts.index}",
            *([f"ENV PIP_TRUSTED_HOST={facts.host}"] if facts.insecure else []),
            "COPY requirements.txt .",
            "RUN --mount=type=secret,id=netrc,target=/root/.netrc \\",
            "    pip install -r requirements.txt",
        ),
        _block("To build", "docker build --secret id=netrc,src=$HOME/.netrc ."),
    )


def _github(facts: _Facts) -> Card:
    pair = "${{ secrets.LOCALSHOP_ACCESS_KEY }}:${{ secrets.LOCALSHOP_SECRET_KEY }}"
    url = with_credentials(facts.index, pair)
    return _card(
        "GitHub Actions",
        _block(
            "The project's secrets, once",
            f"gh secret set LOCALSHOP_ACCESS_KEY --body {facts.access_key}",
            f"gh secret set LOCALSHOP_SECRET_KEY --body {facts.secret_key}",
        ),
        _block(
            ".github/workflows/test.yml",
            "jobs:",
            "  test:",
            "    runs-on: ubuntu-latest",
            "    env:",
            f"      PIP_INDEX_URL: {url}",
            f"      UV_DEFAULT_INDEX: {url}",
            *([f"      PIP_TRUSTED_HOST: {facts.host}"] if facts.insecure else []),
            "    steps:",
            "      - uses: actions/checkout@v4",
            "      - run: pip install -r requirements.txt",
        ),
    )


def _gitlab(facts: _Facts) -> Card:
    url = with_credentials(facts.index, "${LOCALSHOP_ACCESS_KEY}:${LOCALSHOP_SECRET_KEY}")
    return _card(
        "GitLab CI",
        _block(
            "The project's variables, once (or in Settings → CI/CD → Variables)",
            f"glab variable set LOCALSHOP_ACCESS_KEY {facts.access_key}",
            f"glab variable set LOCALSHOP_SECRET_KEY {facts.secret_key} --masked",
        ),
        _block(
            ".gitlab-ci.yml",
            "variables:",
            f'  PIP_INDEX_URL: "{url}"',
            f'  UV_DEFAULT_INDEX: "{url}"',
            *([f'  PIP_TRUSTED_HOST: "{facts.host}"'] if facts.insecure else []),
            "",
            "test:",
            "  image: python:3-slim",
            "  script:",
            "    - pip install -r requirements.txt",
        ),
    )


def _card(tool: str, *blocks: Block) -> Card:
    return Card(tool, blocks)


def _block(where: str, *lines: str) -> Block:
    return Block(where, "\n".join(lines))


def _netrc_block(facts: _Facts) -> Block:
    text = netrc(facts.index, access_key=facts.access_key, secret_key=facts.secret_key)
    return _block("~/.netrc, readable by you alone", text)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
