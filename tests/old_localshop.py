"""Homes of the old localshop, made from the SQL of its tables.

The statements are those that Django wrote for the migrations of github.com/mvantellingen/localshop:
up to 0.9 ``packages/migrations/0001_initial.py`` and ``permissions/migrations/0001`` to ``0009``
(South), from 2.0 on ``packages`` 0001 to 0010, ``permissions`` 0001 to 0004, ``accounts`` 0001 to 0004.
"""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import closing

_AUTH = """(
    "id" integer NOT NULL PRIMARY KEY, "password" varchar(128) NOT NULL, "last_login" datetime,
    "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(30) NOT NULL,
    "last_name" varchar(30) NOT NULL, "email" varchar(75) NOT NULL, "is_staff" bool NOT NULL,
    "is_active" bool NOT NULL, "date_joined" datetime NOT NULL
);"""

_PACKAGES = """
CREATE TABLE "packages_package" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "name" varchar(200) NOT NULL, "is_local" bool NOT NULL, "update_timestamp" datetime {repository}
);
CREATE TABLE "packages_package_owners" (
    "id" integer NOT NULL PRIMARY KEY, "package_id" integer NOT NULL, "user_id" integer NOT NULL
);
CREATE TABLE "packages_release" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "author" varchar(128) NOT NULL, "author_email" varchar(255) NOT NULL, "description" text NOT NULL,
    "download_url" varchar(200), "home_page" varchar(200), "license" text NOT NULL,
    "metadata_version" varchar(64) NOT NULL, "package_id" integer NOT NULL, "summary" text NOT NULL,
    "user_id" integer, "version" varchar(512) NOT NULL
);
CREATE TABLE "packages_releasefile" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "release_id" integer NOT NULL, "size" integer, "filetype" varchar(25) NOT NULL,
    "distribution" varchar(512) NOT NULL, "filename" varchar(200), "md5_digest" varchar(512) NOT NULL,
    "python_version" varchar(25) NOT NULL, "url" varchar(1024) NOT NULL, "user_id" integer {requires}
);
"""

_BEFORE_2 = """
CREATE TABLE "auth_user" {auth}
CREATE TABLE "south_migrationhistory" ("id" integer NOT NULL PRIMARY KEY, "app_name" varchar(255) NOT NULL);
CREATE TABLE "permissions_cidr" (
    "id" integer NOT NULL PRIMARY KEY, "cidr" varchar(128) NOT NULL UNIQUE, "label" varchar(128),
    "require_credentials" bool NOT NULL
);
CREATE TABLE "permissions_credential" (
    "id" integer NOT NULL PRIMARY KEY, "access_key" varchar(32) NOT NULL, "secret_key" varchar(32) NOT NULL,
    "created" datetime NOT NULL, "deactivated" datetime, "comment" varchar(255), "creator_id" integer NOT NULL
);
"""

_FROM_2 = """
CREATE TABLE "accounts_user" {auth}
CREATE TABLE "accounts_team" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "name" varchar(200) NOT NULL, "description" varchar(500) NOT NULL
);
CREATE TABLE "accounts_teammember" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "role" varchar(100) NOT NULL, "team_id" integer NOT NULL, "user_id" integer NOT NULL
);
CREATE TABLE "accounts_accesskey" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "access_key" char(32) NOT NULL,
    "secret_key" char(32) NOT NULL, "comment" varchar(255), "last_usage" datetime, "user_id" integer NOT NULL
);
CREATE TABLE "packages_repository" (
    "id" integer NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "modified" datetime NOT NULL,
    "name" varchar(250) NOT NULL, "slug" varchar(200) NOT NULL UNIQUE, "description" varchar(500) NOT NULL,
    "enable_auto_mirroring" bool NOT NULL, "upstream_pypi_url" varchar(500) NOT NULL
);
CREATE TABLE "packages_repository_teams" (
    "id" integer NOT NULL PRIMARY KEY, "repository_id" integer NOT NULL, "team_id" integer NOT NULL
);
CREATE TABLE "permissions_cidr" (
    "id" integer NOT NULL PRIMARY KEY, "cidr" varchar(128) NOT NULL, "label" varchar(128),
    "require_credentials" bool NOT NULL, "repository_id" integer NOT NULL, UNIQUE ("repository_id", "cidr")
);
CREATE TABLE "permissions_credential" (
    "id" integer NOT NULL PRIMARY KEY, "access_key" char(32) NOT NULL, "secret_key" char(32) NOT NULL,
    "created" datetime NOT NULL, "deactivated" datetime, "comment" varchar(255),
    "allow_upload" bool NOT NULL, "repository_id" integer NOT NULL
);
"""

CREATED = "2014-05-06 07:08:09.123456"


class OldHome:
    """A home as ``localshop init`` of 0.9 (or with ``modern`` of 2.0) made it, and somebody used it."""

    def __init__(self, home, *, modern=False, conf="SECRET_KEY = '2b2f6b6e'\n"):
        self.home, self.modern = home, modern
        (home / "files").mkdir(parents=True)
        (home / "localshop.conf.py").write_text(conf)
        self.database = home / "localshop.db"
        schema = _FROM_2 if modern else _BEFORE_2
        repository = ', "repository_id" integer NOT NULL' if modern else ""
        requires = ', "requires_python" varchar(255)' if modern else ""
        self._script(schema.format(auth=_AUTH) + _PACKAGES.format(repository=repository, requires=requires))

    def add(self, table, **values):
        """Add a row, what is left out as Django's defaults have it; gives its id."""
        values = {**self._defaults(table), **values}
        columns = ", ".join(f'"{one}"' for one in values)
        marks = ", ".join("?" for _ in values)
        with closing(sqlite3.connect(self.database)) as database, database:
            # No foreign keys: broken rows are what a takeover has to live with.
            return database.execute(
                f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', list(values.values())
            ).lastrowid

    def user(self, username, password="!", **values):
        return self.add(
            "accounts_user" if self.modern else "auth_user", username=username, password=password, **values
        )

    def credential(self, **values):
        """Gives the access key and the secret key, as pip.conf has them."""
        access, secret = uuid.uuid4().hex, uuid.uuid4().hex
        self.add("permissions_credential", access_key=access, secret_key=secret, **values)
        return access, secret

    def package(self, name, *, local=True, **values):
        return self.add("packages_package", name=name, is_local=local, **values)

    def file(self, package, distribution, /, *, there=True, version=None, slug="default", **values):
        """A release with one file; ``there``: its bytes are, too."""
        release = self.add("packages_release", package_id=package, version=version or distribution.version)
        name = distribution.filename
        place = f"source/{name[0]}/{distribution.project}/{name}"
        place = f"{slug}/{place}" if self.modern else place
        values = {
            "release_id": release,
            "filename": name,
            "distribution": place,
            "md5_digest": hashlib.md5(distribution.body).hexdigest(),
            "size": len(distribution.body),
            **values,
        }
        if there:
            path = self.home / "files" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(distribution.body)
        return self.add("packages_releasefile", **values)

    def state(self):
        """Every file of the old home that nothing may change, with its bytes."""
        return {
            path.relative_to(self.home).as_posix(): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file()
        }

    def _script(self, text):
        with closing(sqlite3.connect(self.database)) as database:
            database.executescript(text)

    def _defaults(self, table):
        with closing(sqlite3.connect(self.database)) as database:
            columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
        found = {}
        for _, name, kind, needed, _, key in columns:
            if needed and not key:
                found[name] = CREATED if kind == "datetime" else 1 if kind in {"bool", "integer"} else ""
        for name in ("is_superuser", "is_staff"):
            found |= {name: 0} if name in found else {}
        return found
