"""The lines of the set-up card are what each client can read, and secrets stand only where they stay."""

from __future__ import annotations

import configparser
import netrc
import shlex
import tomllib

import pytest

from localshop.web.set_up_lines import cards
from localshop.web.set_up_lines import netrc as entry

INDEX = "https://packages.example.com/repo/team/"
COMMITTED = ("pyproject.toml", "Dockerfile", ".github/workflows/test.yml", ".gitlab-ci.yml")


def lines(index=INDEX, slug="team"):
    made = cards(index, slug=slug, access_key="lsk_1", secret_key="lsp_2")
    return {(card.tool, block.where): block.text for card in made for block in card.blocks}


def block(tool, where):
    return next(text for (one, place), text in lines().items() if one == tool and place.startswith(where))


def test_every_client_is_there():
    assert [card.tool for card in cards(INDEX, slug="team")] == [
        "pip",
        "uv",
        "Poetry",
        "PDM",
        "Hatch",
        "twine",
        "Docker",
        "GitHub Actions",
        "GitLab CI",
    ]


def test_nothing_that_is_committed_has_a_secret_in_it():
    """A secret in version control or in an image stays there."""
    committed = [text for (_, where), text in lines().items() if where.startswith(COMMITTED)]
    assert len(committed) == 6
    assert [text for text in committed if "lsp_2" in text or "lsk_1" in text] == []


def test_every_card_leads_to_this_repository():
    found = {tool: "" for tool, _ in lines()}
    for (tool, _), text in lines().items():
        found[tool] += text
    assert [tool for tool, text in found.items() if "packages.example.com/repo/team/" not in text] == []


def test_uv_publishes_where_it_reads():
    table = tomllib.loads(block("uv", "pyproject"))["tool"]["uv"]["index"][0]
    assert table == {"name": "localshop-team", "url": INDEX, "publish-url": INDEX, "default": True}
    assert "UV_INDEX_LOCALSHOP_TEAM_PASSWORD=lsp_2" in block("uv", "The environment")


def test_pdm_and_hatch_read_their_tables():
    source = tomllib.loads(block("PDM", "pyproject"))["tool"]["pdm"]["source"][0]
    assert source == {"name": "pypi", "url": INDEX, "verify_ssl": True}
    table = tomllib.loads(block("Hatch", "pyproject"))
    assert table["tool"]["hatch"]["envs"]["default"]["env-vars"]["PIP_INDEX_URL"] == INDEX


def test_twine_reads_its_file():
    parser = configparser.RawConfigParser()
    parser.read_string(block("twine", "~/.pypirc"))
    name = parser["distutils"]["index-servers"].strip()
    expected = {"repository": INDEX, "username": "lsk_1", "password": "lsp_2"}
    assert dict(parser[name]) == expected


@pytest.mark.parametrize("index", [INDEX, "http://localhost:8000/repo/team/", "http://[::1]:8000/repo/team/"])
def test_netrc_names_the_host_as_clients_look_for_it(index, tmp_path):
    path = tmp_path / "netrc"
    path.write_text(entry(index, access_key="lsk_1", secret_key="lsp_2") + "\n")
    host = "::1" if "[" in index else index.split("/")[2].split(":")[0]
    assert netrc.netrc(path).authenticators(host)[::2] == ("lsk_1", "lsp_2")


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (INDEX, False),
        ("http://127.0.0.1:8000/repo/team/", False),
        ("http://localhost/repo/team/", False),
        ("http://[::1]:8000/repo/team/", False),
        ("http://packages.lan/repo/team/", True),
    ],
)
def test_pip_is_told_to_trust_a_host_without_tls(index, told):
    """Else it ignores the index, with a warning that is easily missed."""
    text = lines(index)["pip", "Once, on the command line"]
    assert ("trusted-host packages.lan" in text) is told


@pytest.mark.parametrize("slug", ["default", "pypi", "a-b-1", "0"])
def test_commands_are_words_for_a_shell(slug):
    """A slug or a key must never be taken for something else."""
    for (_, where), text in lines(slug=slug).items():
        if "command line" in where or where == "To publish":
            for line in text.splitlines():
                assert len(shlex.split(line)) == len(line.split())
