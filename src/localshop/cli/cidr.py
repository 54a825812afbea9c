"""``localshop cidr``: who may come into a repository from where."""

from __future__ import annotations

import argparse

from localshop.catalog import networks, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.records import NetworkRecord
from localshop.cli.output import Group, Options, Shape, table
from localshop.errors import BadInput


class Command(Group):
    """Shows and changes the networks of repositories."""

    help = "list, add or remove networks: who may come in from where"

    def declare(self) -> None:
        """Declare the actions."""
        show = self.action("list", self._list, "show the networks of all repositories, or of one")
        show.add_argument("repository", metavar="REPOSITORY", nargs="?")
        add = self.action("add", self._add, "add a network, or change what holds for it")
        _repository_and_network(add)
        add.add_argument("--no-credentials", action="store_true", help="let everybody in from there")
        add.add_argument("--upload", action="store_true", help="also to upload")
        add.add_argument("--label", default="", metavar="TEXT", help="what network it is, for people")
        _repository_and_network(self.action("remove", self._remove, "remove a network"))

    def _list(self, options: Options) -> None:
        slug = options["repository"]
        asked = [repositories.repository(slug)] if slug else repositories.every_repository()
        found = [(one.slug, rule) for one in asked for rule in one.networks]
        rows = [(slug, rule.network, rule.credentials, rule.upload, rule.label) for slug, rule in found]
        heads = ("repository", "network", "credentials", "upload", "label")
        shapes = [_shape(slug, rule) for slug, rule in found]
        self.show(options, shapes, table(heads, rows, none="There are no networks, so nobody may come in."))

    def _add(self, options: Options) -> None:
        slug = options["repository"]
        rule = networks.add_network(
            slug,
            options["network"],
            credentials=not options["no_credentials"],
            upload=options["upload"],
            label=options["label"],
            actor=Actor("command line"),
        )
        if rule.upload and not rule.credentials:
            self.warn(
                f"From {rule.network} anybody can now upload to repository {slug!r} without credentials."
            )
        self.show(
            options, _shape(slug, rule), f"From {rule.network} to repository {slug!r}: {in_words(rule)}."
        )

    def _remove(self, options: Options) -> None:
        slug, asked = options["repository"], networks.parse_network(options["network"])
        rules = [rule for rule in repositories.repository(slug).networks if rule.network == asked]
        if not rules:
            raise BadInput(f"Repository {slug!r} has no rule for {asked}.")
        networks.remove_network(slug, str(asked), actor=Actor("command line"))
        self.show(options, _shape(slug, rules[0]), f"The rule of repository {slug!r} for {asked} is removed.")


def in_words(rule: NetworkRecord) -> str:
    """What a rule says, for people."""
    action = "download and upload" if rule.upload else "download"
    return f"{action}, {'with credentials' if rule.credentials else 'no credentials needed'}"


def _repository_and_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("network", metavar="NETWORK", help="10.0.0.0/8, 2001:db8::/32 or a single address")


def _shape(slug: str, rule: NetworkRecord) -> Shape:
    return {
        "repository": slug,
        "network": str(rule.network),
        "credentials": rule.credentials,
        "upload": rule.upload,
        "label": rule.label,
    }
