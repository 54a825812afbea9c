"""Rows by one statement: what a first installation writes must be what the ORM would have written.

If it were not, a column that is added later would be empty in just those rows that are written by the
hundred, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from localshop.catalog.inserts import insert, insert_or_replace
from localshop.catalog.models import (
    CoreMetadata,
    File,
    Job,
    Project,
    Repository,
    ShelvedPage,
    Upstream,
    UpstreamPage,
)

NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=dt.UTC)


@pytest.fixture
def repository(tables):
    return Repository.objects.create(slug="inserted")


def every_kind(repository, name):
    """A row of each kind that is inserted like this, with as little said as may be, in order."""
    upstream = Upstream.objects.create(repository=repository, url=f"https://{name}.example/")
    yield (project := Project(repository=repository, name=name))
    yield UpstreamPage(project=project, upstream=upstream, document=b"\0x", changed=NOON, checked=NOON)
    yield ShelvedPage(project=project, form="json", serial=1, recipe="r", digest="d", body=b"\xff\0")
    yield File(
        repository=repository, project=project, filename=f"{name}.whl", path="aa/bb", entry={"a": [1, "é"]}
    )
    yield CoreMetadata(repository=repository, project=project, filename=f"{name}.whl", path="aa", body=b"b")
    yield Job(name="work", key=name, payload={"a": None}, run_after=1.5)


def told(row):
    """What the database has of a row, but for what makes it another one than its twin."""
    found = type(row).objects.filter(pk=row.pk).values().get()
    apart = {"id", "name", "key", "filename", "project_id", "upstream_id"}
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in found.items()
        if name not in apart
    }


@contextmanager
def at_noon(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: NOON)
        yield


def test_a_row_is_what_the_orm_would_have_made_of_it(repository, monkeypatch):
    with at_noon(monkeypatch):
        ours, theirs = [], []
        for row in every_kind(repository, "ours"):
            assert insert(row)
            ours.append(told(row))
        for row in every_kind(repository, "theirs"):
            row.save()
            theirs.append(told(row))
    assert ours == theirs


def test_of_two_rows_that_exclude_each_other_the_first_stays(repository):
    """Two processes look at a new project at the same moment: it must not be there twice."""
    assert insert(first := Project(repository=repository, name="demo", status="archived"))
    second = Project(repository=repository, name="demo")
    assert not insert(second)
    assert second.pk is None
    assert Project.objects.get(repository=repository, name="demo").pk == first.pk
    assert Project.objects.get(pk=first.pk).status == "archived"


def test_a_row_of_nothing_is_refused(repository):
    """A page of a project that has just gone is an error, which is told; it is not half there."""
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(File(repository=repository, project_id=987_654_321, filename="a", path="b", entry={}))
    assert not File.objects.filter(project_id=987_654_321).exists()


def test_a_newer_page_takes_the_place_of_an_older_one_and_not_the_other_way_round(repository):
    """An old page that was slow to be written must not hide a newer one from every client."""
    insert(project := Project(repository=repository, name="demo"))

    def shelve(serial):
        page = ShelvedPage(
            project=project, form="json", serial=serial, recipe="r", digest=str(serial), body=b"%d" % serial
        )
        return insert_or_replace(page, unique=["project_id", "form"], only="old.serial <= excluded.serial")

    assert shelve(2)
    assert shelve(3)
    assert not shelve(1)
    assert shelve(3)
    (held,) = ShelvedPage.objects.filter(project=project)
    assert (held.serial, held.digest, bytes(held.body)) == (3, "3", b"3")
