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
    """What one client needs; ``anchor`` is its id on the page."""

    anchor: str
    tool: str
    blocks: Sequence[Block]


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
    lines = [f"pip config set global.index-url {facts.index}"]
    if facts.insecure:
        lines.append(f"pip config set global.trusted-host {facts.host}")
    return Card("pip", "pip", [_netrc_block(facts), Block("Once, on the command line", "\n".join(lines))])


def _uv(facts: _Facts) -> Card:
    table = [
        "[[tool.uv.index]]",
        f'name = "{facts.name}"',
        f'url = "{facts.index}"',
        f'publish-url = "{facts.index}"',
        "default = true",
    ]
    environment = [
        f"export UV_INDEX_{facts.variable}_USERNAME={facts.access_key}",
        f"export UV_INDEX_{facts.variable}_PASSWORD={facts.secret_key}",
    ]
    publish = [
        f"export UV_PUBLISH_USERNAME={facts.access_key}",
        f"export UV_PUBLISH_PASSWORD={facts.secret_key}",
        f"uv publish --index {facts.name}",
    ]
    return Card(
        "uv",
        "uv",
        [
            Block("pyproject.toml", "\n".join(table)),
            Block("The environment, if they are not in .netrc", "\n".join(environment)),
            Block("To publish", "\n".join(publish)),
        ],
    )


def _poetry(facts: _Facts) -> Card:
    install = [
        f"poetry source add --priority=primary {facts.name} {facts.index}",
        f"poetry config http-basic.{facts.name} {facts.access_key} {facts.secret_key}",
    ]
    publish = [
        f"poetry config repositories.{facts.name} {facts.index}",
        f"poetry publish --build --repository {facts.name}",
    ]
    return Card(
        "poetry",
        "Poetry",
        [
            Block("Once, on the command line, in the project", "\n".join(install)),
            Block("To publish", "\n".join(publish)),
        ],
    )


def _pdm(facts: _Facts) -> Card:
    # A source of the name "pypi" takes the place of PyPI itself.
    table = [
        "[[tool.pdm.source]]",
        'name = "pypi"',
        f'url = "{facts.index}"',
        f"verify_ssl = {'false' if facts.insecure else 'true'}",
    ]
    install = [
        f"pdm config pypi.username {facts.access_key}",
        f"pdm config pypi.password {facts.secret_key}",
    ]
    publish = [
        f"pdm config repository.{facts.name}.url {facts.index}",
        f"pdm config repository.{facts.name}.username {facts.access_key}",
        f"pdm config repository.{facts.name}.password {facts.secret_key}",
        f"pdm publish --repository {facts.name}",
    ]
    return Card(
        "pdm",
        "PDM",
        [
            Block("pyproject.toml", "\n".join(table)),
            Block("Once, on the command line", "\n".join(install)),
            Block("To publish", "\n".join(publish)),
        ],
    )


def _hatch(facts: _Facts) -> Card:
    environment = [
        "[tool.hatch.envs.default.env-vars]",
        f'PIP_INDEX_URL = "{facts.index}"',
        f'UV_DEFAULT_INDEX = "{facts.index}"',
    ]
    publish = [
        f"export HATCH_INDEX_REPO={facts.index}",
        f"export HATCH_INDEX_USER={facts.access_key}",
        f"export HATCH_INDEX_AUTH={facts.secret_key}",
        "hatch publish",
    ]
    return Card(
        "hatch",
        "Hatch",
        [
            _netrc_block(facts),
            Block("pyproject.toml", "\n".join(environment)),
            Block("To publish", "\n".join(publish)),
        ],
    )


def _twine(facts: _Facts) -> Card:
    lines = [
        "[distutils]",
        "index-servers =",
        f"    {facts.name}",
        "",
        f"[{facts.name}]",
        f"repository = {facts.index}",
        f"username = {facts.access_key}",
        f"password = {facts.secret_key}",
    ]
    upload = f"twine upload --repository {facts.name} dist/*"
    return Card("twine", "twine", [Block("~/.pypirc", "\n".join(lines)), Block("To publish", upload)])


def _docker(facts: _Facts) -> Card:
    lines = [
        "# syntax=docker/dockerfile:1",
        "FROM python:3-slim",
        f"ENV PIP_INDEX_URL={facts.index}",
        *([f"ENV PIP_TRUSTED_HOST={facts.host}"] if facts.insecure else []),
        "COPY requirements.txt .",
        "RUN --mount=type=secret,id=netrc,target=/root/.netrc \\",
        "    pip install -r requirements.txt",
    ]
    build = "docker build --secret id=netrc,src=$HOME/.netrc ."
    return Card(
        "docker",
        "Docker",
        [
            _netrc_block(facts),
            Block("Dockerfile (the secret is there for one step, and not in the image)", "\n".join(lines)),
            Block("To build", build),
        ],
    )


def _github(facts: _Facts) -> Card:
    secrets = [
        f"gh secret set LOCALSHOP_ACCESS_KEY --body {facts.access_key}",
        f"gh secret set LOCALSHOP_SECRET_KEY --body {facts.secret_key}",
    ]
    pair = "${{ secrets.LOCALSHOP_ACCESS_KEY }}:${{ secrets.LOCALSHOP_SECRET_KEY }}"
    url = with_credentials(facts.index, pair)
    lines = [
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
    ]
    return Card(
        "github",
        "GitHub Actions",
        [
            Block("The project's secrets, once", "\n".join(secrets)),
            Block(".github/workflows/test.yml", "\n".join(lines)),
        ],
    )


def _gitlab(facts: _Facts) -> Card:
    variables = [
        f"glab variable set LOCALSHOP_ACCESS_KEY {facts.access_key}",
        f"glab variable set LOCALSHOP_SECRET_KEY {facts.secret_key} --masked",
    ]
    url = with_credentials(facts.index, "${LOCALSHOP_ACCESS_KEY}:${LOCALSHOP_SECRET_KEY}")
    lines = [
        "variables:",
        f'  PIP_INDEX_URL: "{url}"',
        f'  UV_DEFAULT_INDEX: "{url}"',
        *([f'  PIP_TRUSTED_HOST: "{facts.host}"'] if facts.insecure else []),
        "",
        "test:",
        "  image: python:3-slim",
        "  script:",
        "    - pip install -r requirements.txt",
    ]
    return Card(
        "gitlab",
        "GitLab CI",
        [
            Block("The project's variables, once (or in Settings → CI/CD → Variables)", "\n".join(variables)),
            Block(".gitlab-ci.yml", "\n".join(lines)),
        ],
    )


def _netrc_block(facts: _Facts) -> Block:
    text = netrc(facts.index, access_key=facts.access_key, secret_key=facts.secret_key)
    return Block("~/.netrc, readable by you alone", text)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
