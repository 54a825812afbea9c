"""Database and mail URLs: what is taken out of them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.config.addresses import Database, Mail, database, host_and_port, mail

HOME = Path("/srv/localshop")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///file.db", Database("sqlite", "/srv/localshop/file.db")),
        ("sqlite:////var/lib/a%20b.db", Database("sqlite", "/var/lib/a b.db")),
        ("postgresql:///shop", Database("postgresql", "shop")),
        ("postgres://u@db/shop", Database("postgresql", "shop", "u", "", "db")),
        ("postgresql://u:p%40%2F%3A@db:6432/a%2Fb", Database("postgresql", "a/b", "u", "p@/:", "db", "6432")),
        ("postgresql://u:a@b:c@db/shop", Database("postgresql", "shop", "u", "a@b:c", "db")),
        ("postgresql://u@[::1]:5432/shop", Database("postgresql", "shop", "u", "", "::1", "5432")),
        ("postgresql://%2Frun%2FPostgres/shop", Database("postgresql", "shop", "", "", "/run/Postgres")),
        (
            "postgresql://db/shop?sslmode=verify-full&options=-c%20work_mem%3D1MB",
            Database(
                "postgresql",
                "shop",
                host="db",
                options={"sslmode": "verify-full", "options": "-c work_mem=1MB"},
            ),
        ),
    ],
)
def test_a_database_url_is_taken_apart(url, expected):
    assert database(url, home=HOME) == expected


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://", "sqlite:///", "sqlite://file.db", "sqlite:///:memory:", "sqlite:///dir/", "sqlite:///f?mode=ro",
        "postgresql://db", "postgresql://db/", "postgresql://db:0/n", "postgresql://db:70000/n", "postgresql://db:x/n",
        "postgresql://db/n?sslmode", "postgresql://db/n#x", "mysql://db/n", "db/n", "",
    ],
)  # fmt: skip
def test_a_database_url_that_means_nothing_is_refused(url):
    """A database in memory, for one, would be another one in each process."""
    with pytest.raises(ValueError):
        database(url, home=HOME)


@given(user=st.text(min_size=1), password=st.text(), name=st.text(min_size=1))
def test_any_user_password_and_name_survive_percent_encoding(user, password, name):
    url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db/{quote(name, safe='')}"
    assert database(url, home=HOME) == Database("postgresql", name, user, password, "db")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("console:", Mail("")),
        ("smtp://localhost", Mail("localhost", 25)),
        ("smtp://relay:2525", Mail("relay", 2525)),
        ("smtp://relay:587", Mail("relay", 587, tls="starttls")),
        ("smtp://u%40example.com:p%3A@relay", Mail("relay", 587, "u@example.com", "p:", "starttls")),
        ("smtps://u:p@relay", Mail("relay", 465, "u", "p", "implicit")),
    ],
)
def test_a_password_for_mail_never_goes_in_clear(url, expected):
    assert mail(url) == expected


@pytest.mark.parametrize(
    "url", ["", "smtp:", "smtp://", "imap://h", "smtp://h/path", "smtp://h?x=1", "smtp://h:0"]
)
def test_a_mail_url_that_means_nothing_is_refused(url):
    with pytest.raises(ValueError):
        mail(url)


def test_the_brackets_of_an_address_are_taken_off():
    assert host_and_port("[::1]:8000") == ("::1", 8000)
    assert host_and_port("127.0.0.1:0") == ("127.0.0.1", 0)


def test_passwords_do_not_appear_in_a_repr():
    assert "hunter2" not in repr(database("postgresql://u:hunter2@h/n?passfile=hunter2", home=HOME))
    assert "hunter2" not in repr(mail("smtp://u:hunter2@h"))
