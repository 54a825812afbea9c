"""Repositories, people, teams, networks and credentials of the old localshop."""

from __future__ import annotations

import re
from ipaddress import ip_network

from django.contrib.auth.hashers import identify_hasher

from localshop.catalog import repositories, taking_over, teams
from localshop.catalog.records import Address, NetworkRecord
from localshop.catalog.state import access_changed
from localshop.catalog.taking_over import Keys, Person
from localshop.config import Config
from localshop.errors import BadInput
from localshop.takeover.old import Old, Row, key, moment, text
from localshop.takeover.report import Report
from localshop.takeover.settings import OldSettings

EVERYBODY = "users of the old localshop"
_LEGACY_PYPI = re.compile(r"https?://(?:www\.)?pypi(?:\.\w+)?\.org(?:/|\Z)")
_ROLES = ("developer", "owner")


def slugs_of(old: Old) -> dict[int, str]:
    """The slug that each old repository has with us, by its id; by 0 where there were none yet."""
    if not old.has_repositories:
        return {0: repositories.DEFAULT}
    found: dict[int, str] = {}
    for row in old.rows("packages_repository"):
        slug = (
            re.sub(r"[^a-z0-9]+", "-", text(row, "slug").lower()).strip("-")[:90] or f"repository-{row['id']}"
        )
        taken = set(found.values())
        found[row["id"]] = slug if slug not in taken else f"{slug}-{row['id']}"
    return found


def take_rights(old: Old, settings: OldSettings, config: Config, report: Report) -> None:
    """Take everything over that decides who may do what; call it in a transaction."""
    slugs = slugs_of(old)
    names = _users(old, report)
    _repositories(old, slugs, settings, config, report)
    _teams(old, slugs, names, report)
    _credentials(old, slugs, names, report)
    access_changed()


def _users(old: Old, report: Report) -> dict[int, str]:
    """Make the users; their names by their old ids."""
    found: dict[int, str] = {}
    for row in old.users():
        name = text(row, "username")
        password = text(row, "password")
        if not _is_known(password):
            if password and not password.startswith("!"):
                report.remarks.append(
                    f"The password of {name} is kept in a way that is not known any more: give him a new one."
                )
            password = ""
        person = Person(
            username=name,
            password=password,
            email=text(row, "email"),
            first_name=text(row, "first_name"),
            last_name=text(row, "last_name"),
            active=bool(row.get("is_active")),
            administrator=bool(row.get("is_superuser")),
            joined=moment(row.get("date_joined")),
            last_login=moment(row.get("last_login")),
        )
        try:
            taking_over.add_person(person)
        except BadInput as error:
            report.leave(f"user {name!r}", error.sentence)
        else:
            found[row["id"]] = name
            report.users += 1
    return found


def _is_known(password: str) -> bool:
    try:
        identify_hasher(password)
    except ValueError:
        return False
    return password.count("$") >= 2


def _repositories(
    old: Old, slugs: dict[int, str], settings: OldSettings, config: Config, report: Report
) -> None:
    changes = {
        "fresh": config.fresh_seconds,
        "overwrite": settings.overwrites,
        **({"miss": "stream"} if settings.isolated else {}),
    }
    rows = {row["id"]: row for row in old.rows("packages_repository")} if old.has_repositories else {0: {}}
    for row in old.rows("permissions_cidr"):
        if (row.get("repository_id") or 0) not in slugs:
            report.leave(f"network {text(row, 'cidr')!r}", "its repository is not there any more.")
    for number, slug in slugs.items():
        row = rows[number]
        given = text(row, "slug")
        if given and given != slug:
            report.remarks.append(f"The repository {given!r} is now {slug!r}: its URL is another one.")
        repositories.create_repository(
            slug,
            upstreams=_upstreams(row, slug, config, report),
            networks=_networks(old, number, slug, report),
            changes=changes,
        )
        report.repositories += 1
    if repositories.DEFAULT not in slugs.values():
        # It always exists with us; who may come in is for the administrator to say.
        repositories.create_repository(
            repositories.DEFAULT, upstreams=[config.upstream_url], networks=[], changes=changes
        )
        report.remarks.append("There was no repository 'default'; it was made, and nobody may come in yet.")


def _upstreams(row: Row, slug: str, config: Config, report: Report) -> list[str]:
    if "enable_auto_mirroring" in row and not row["enable_auto_mirroring"]:
        report.remarks.append(f"The repository {slug!r} asked no upstream, so it has none.")
        return []
    url = text(row, "upstream_pypi_url")
    if not url or _LEGACY_PYPI.match(url):
        return [config.upstream_url]
    try:
        repositories.parse_upstream(url)
    except BadInput as error:
        report.leave(f"the upstream of repository {slug!r}", error.sentence)
        return []
    return [url]


def _networks(old: Old, number: int, slug: str, report: Report) -> list[NetworkRecord]:
    found: dict[Address, NetworkRecord] = {}
    for row in old.rows("permissions_cidr"):
        if (row.get("repository_id") or 0) != number:
            continue
        given = text(row, "cidr")
        try:
            network = ip_network(given, strict=False)
        except ValueError as error:
            report.leave(f"network {given!r} of repository {slug!r}", f"{error}.")
            continue
        credentials = bool(row.get("require_credentials", True))
        known = found.get(network)
        if known is not None:
            report.remarks.append(
                f"Several rules of repository {slug!r} were for {network}: the strictest holds."
            )
            credentials = credentials or known.credentials
        # Uploading without credentials was possible from there; that is not opened in silence.
        found[network] = NetworkRecord(
            network, credentials=credentials, upload=credentials, label=text(row, "label")[:200]
        )
    opened = [str(one.network) for one in found.values() if not one.credentials]
    if opened:
        report.remarks.append(
            f"From {', '.join(opened)} everybody may download from repository {slug!r} without credentials, "
            "as before. Uploads from there need credentials now, and a network that asks for them: see "
            "`localshop cidr add`."
        )
    if not found:
        report.remarks.append(
            f"The repository {slug!r} had no network, so nobody could come in, and nobody can: see "
            "`localshop cidr add`."
        )
    report.networks += len(found)
    return list(found.values())


def _teams(old: Old, slugs: dict[int, str], names: dict[int, str], report: Report) -> None:
    if not old.has_repositories:
        _everybody(names, report)
        return
    shared = old.rows("packages_repository_teams")
    taken: set[str] = set()
    for row in old.rows("accounts_team"):
        members = [one for one in old.rows("accounts_teammember") if one["team_id"] == row["id"]]
        reach = [slugs[one["repository_id"]] for one in shared if one["team_id"] == row["id"]
                 and one["repository_id"] in slugs]  # fmt: skip
        roles = [role for role in _ROLES if any(text(one, "role") == role for one in members)]
        for role in roles or ["developer"]:
            wanted = text(row, "name")[:80] or f"team {row['id']}"
            # A team has one role in a repository with us; the old ones had one for each member.
            name = f"{wanted} (owners)" if role == "owner" and len(roles) > 1 else wanted
            if name in taken:
                name = f"{name} {row['id']}"
            taken.add(name)
            people = [names[one["user_id"]] for one in members
                      if text(one, "role") == role and one["user_id"] in names]  # fmt: skip
            if not _is_free(name):
                name = f"team {row['id']} ({role}s)"
                report.remarks.append(f"A team could not keep the name {wanted!r}: it is {name!r} now.")
            _team(name, people, reach, role=role)
            report.teams += 1


def _is_free(name: str) -> bool:
    return name.isprintable() and name not in {one.name for one in teams.every_team()}


def _everybody(names: dict[int, str], report: Report) -> None:
    """Whoever could log in could upload; with us that is a role."""
    if names:
        _team(EVERYBODY, list(names.values()), [repositories.DEFAULT], role="developer")
        report.teams += 1
        report.remarks.append(
            f"Every user could upload, so the team {EVERYBODY!r} has the role developer in 'default'."
        )


def _team(name: str, members: list[str], reach: list[str], *, role: str) -> None:
    team = teams.create_team(name)
    for member in members:
        teams.add_member(team.id, member)
    for slug in reach:
        teams.set_role(team.id, slug, role)


def _credentials(old: Old, slugs: dict[int, str], names: dict[int, str], report: Report) -> None:
    for row in old.rows("permissions_credential"):
        whose = row.get("creator_id")
        number = row.get("repository_id")
        _credential(
            row,
            report,
            username=names.get(whose) if whose is not None else None,
            repository=slugs.get(number) if number is not None else None,
            upload=bool(row.get("allow_upload", True)),
        )
    for row in old.rows("accounts_accesskey"):
        _credential(row, report, username=names.get(row["user_id"]), repository=None, upload=True)


def _credential(
    row: Row, report: Report, *, username: str | None, repository: str | None, upload: bool
) -> None:
    access, secret = key(row.get("access_key")), key(row.get("secret_key"))
    # An access key is no secret; whatever else stands there may be.
    what = f"credential {access}" if access is not None else f"credential number {row['id']}"
    if access is None or secret is None:
        report.leave(what, "its keys are not those of a credential.")
    elif username is None and repository is None:
        report.leave(what, "whose it was, or for which repository, is not there any more.")
    else:
        keys = Keys(
            access_key=access,
            secret=secret,
            username=username,
            repository=repository,
            upload=upload,
            enabled=row.get("deactivated") is None,
            comment=text(row, "comment"),
            last_used=moment(row.get("last_usage")),
        )
        try:
            taking_over.add_keys(keys)
        except BadInput as error:
            report.leave(what, error.sentence)
        else:
            report.credentials += 1
