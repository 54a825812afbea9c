"""``localshop credential``: access keys and secret keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from localshop import config
from localshop.catalog import credentials, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.records import CredentialListed
from localshop.cli.output import Group, Options, Shape, lines, moment, table
from localshop.cli.setting_up import index_url
from localshop.errors import BadInput


class Command(Group):
    """Shows, makes, disables and deletes credentials."""

    help = "list, create, disable, enable or delete credentials"

    def declare(self) -> None:
        """Declare the actions."""
        self.action("list", self._list, "show all credentials")
        create = self.action("create", self._create, "make a credential; its secret key is shown only now")
        create.add_argument(
            "--repository",
            action="append",
            default=[],
            metavar="SLUG",
            help="where it is good for, may be given several times; everywhere if not given",
        )
        create.add_argument("--user", metavar="U", help="whose it is; a machine's if not given")
        create.add_argument("--upload", action="store_true", help="also to upload")
        create.add_argument(
            "--expires", metavar="DATE", help="2030-12-31, good to its end, or 2030-12-31T18:00, in UTC"
        )
        create.add_argument("--comment", default="", metavar="TEXT", help="what it is for, for people")
        for name, run, about in (
            ("disable", self._disable, "let a credential in no more"),
            ("enable", self._enable, "let a credential in again"),
            ("delete", self._delete, "delete a credential"),
        ):
            self.action(name, run, about).add_argument("access_key", metavar="ACCESS_KEY")

    def _list(self, options: Options) -> None:
        shapes = [_shape(one) for one in credentials.every_credential()]
        heads = ("access_key", "repositories", "upload", "user", "comment", "expires", "enabled", "last_used")
        rows = [[shape[head] for head in heads] for shape in shapes]
        for row in rows:
            row[1] = "all" if row[1] is None else row[1]
        names = [head.replace("_", " ") for head in heads]
        self.show(options, shapes, table(names, rows, none="There are no credentials."))

    def _create(self, options: Options) -> None:
        expires = _end(options["expires"]) if options["expires"] is not None else None
        made, secret = credentials.create_credential(
            repositories=options["repository"],
            user=options["user"],
            upload=options["upload"],
            expires=expires,
            comment=options["comment"],
            actor=Actor("command line"),
        )
        if expires is not None and expires <= datetime.now(tz=UTC):
            self.warn(f"This credential is good for nothing: it expired at {moment(expires)}.")
        slug = options["repository"][0] if options["repository"] else repositories.DEFAULT
        url = index_url(config.current(), slug=slug, userinfo=f"{made.access_key}:{secret}")
        facts = lines([("access key", made.access_key), ("secret key", f"{secret}  (shown only this once)")])
        shape = _shape(made)
        self.show(
            options,
            {"access_key": shape["access_key"], "secret_key": secret, **shape},
            f"{facts}\n\npip install -i {url} <package>",
        )

    def _disable(self, options: Options) -> None:
        one = credentials.set_enabled(options["access_key"], enabled=False, actor=Actor("command line"))
        self.show(options, _shape(one), f"Credential {one.access_key} is disabled.")

    def _enable(self, options: Options) -> None:
        one = credentials.set_enabled(options["access_key"], enabled=True, actor=Actor("command line"))
        self.show(options, _shape(one), f"Credential {one.access_key} is enabled.")

    def _delete(self, options: Options) -> None:
        one = credentials.delete_credential(options["access_key"], actor=Actor("command line"))
        self.show(options, _shape(one), f"Credential {one.access_key} is deleted.")


def _shape(one: CredentialListed) -> Shape:
    """``repositories`` is None for a credential that is good everywhere."""
    return {
        "access_key": one.access_key,
        "repositories": None if one.repositories is None else list(one.repositories),
        "upload": one.upload,
        "user": one.user,
        "comment": one.comment,
        "expires": moment(one.expires),
        "enabled": one.enabled,
        "last_used": moment(one.last_used),
    }


def _end(text: str) -> datetime:
    """The last moment at which a credential is good: that of the day, or the one that is given."""
    try:
        return datetime.combine(date.fromisoformat(text), time.max, tzinfo=UTC)
    except ValueError:
        pass
    try:
        given = datetime.fromisoformat(text)
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no date: 2030-12-31 or 2030-12-31T18:00Z.") from None
