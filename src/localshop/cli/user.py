"""``localshop user``: people."""

from __future__ import annotations

from localshop.catalog import people
from localshop.catalog.records import UserRecord
from localshop.cli.output import Group, Options, Shape, lines, table
from localshop.cli.setting_up import random_password


class Command(Group):
    """Shows, makes and disables users."""

    help = "list, create, disable or enable users"

    def declare(self) -> None:
        """Declare the actions."""
        self.action("list", self._list, "show all users")
        create = self.action("create", self._create, "make a user")
        create.add_argument("name", metavar="NAME")
        create.add_argument(
            "--password", metavar="P", help="if not given, a random one is made and shown only now"
        )
        create.add_argument("--administrator", action="store_true", help="who may do everything")
        for name, run, about in (
            ("disable", self._disable, "shut a user out, with all his credentials"),
            ("enable", self._enable, "let a user in again"),
        ):
            self.action(name, run, about).add_argument("name", metavar="NAME")

    def _list(self, options: Options) -> None:
        shapes = [_shape(one) for one in people.every_user()]
        heads = ("username", "administrator", "enabled")
        rows = [[shape[head] for head in heads] for shape in shapes]
        self.show(options, shapes, table(heads, rows, none="There are no users."))

    def _create(self, options: Options) -> None:
        made_up = random_password() if options["password"] is None else None
        password = made_up or options["password"]
        user = people.create_user(options["name"], password=password, administrator=options["administrator"])
        if made_up is None:
            if weakness := people.weakness(user.username, password):
                self.warn(f"That password is a weak one. {weakness}")
            self.show(options, _shape(user), f"User {user.username!r} is made.")
            return
        facts = lines([("user", user.username), ("password", f"{made_up}  (shown only this once)")])
        self.show(options, {**_shape(user), "password": made_up}, facts)

    def _disable(self, options: Options) -> None:
        user = people.set_active(options["name"], active=False)
        self.show(options, _shape(user), f"User {user.username!r} is disabled.")

    def _enable(self, options: Options) -> None:
        user = people.set_active(options["name"], active=True)
        self.show(options, _shape(user), f"User {user.username!r} is enabled.")


def _shape(user: UserRecord) -> Shape:
    return {
        "username": user.username,
        "administrator": user.administrator,
        "enabled": user.active,
    }
