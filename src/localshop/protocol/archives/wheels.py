"""A wheel from the inside: its .dist-info directory, and whether RECORD tells what is in the archive."""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Iterator
from typing import BinaryIO

from packaging.tags import Tag, parse_tag

from localshop.errors import UploadRefused
from localshop.protocol.archives import entrypoints, records, zipframe, zips
from localshop.protocol.archives.contents import Contents
from localshop.protocol.archives.records import Listed, Measure
from localshop.protocol.archives.rules import RECORD, WHEELS, Limits, Remark, quoted, some
from localshop.protocol.archives.zipframe import Member

_SHOWN = 3
_WHEEL_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\Z")
_MOST_TAGS = 10_000


def read(file: BinaryIO, *, tags: frozenset[Tag], strict_record: bool, limits: Limits) -> Contents:
    """Look through a wheel whose file name has these tags; raises UploadRefused.

    ``strict_record``: refuse what is only remarked on otherwise, a RECORD that does not fit the members.
    """
    members = zipframe.members(file, limits=limits)
    by_name = {member.name: member for member in members}
    info = _info(by_name)
    remarks = zips.remarks(members)
    metadata = zips.whole(
        file, _there(by_name, f"{info}/METADATA", "metadata-missing"), limit=limits.metadata
    )
    wheel = zips.whole(file, _there(by_name, f"{info}/WHEEL", "wheel-file-missing"), limit=limits.metadata)
    remarks += _check_wheel(wheel, tags, what=f"{info}/WHEEL")
    scripts = f"{info}/entry_points.txt"
    if scripts in by_name:
        entrypoints.check(zips.whole(file, by_name[scripts], limit=limits.metadata), what=scripts)
    faults = list(_compare(file, by_name, info, limits=limits))
    if faults and strict_record:
        raise UploadRefused(faults[0].slug, faults[0].sentence, link=RECORD)
    return Contents(
        root=info.removesuffix(".dist-info"),
        what=f"{info}/METADATA",
        metadata=metadata,
        licences=f"{info}/licenses/",
        names=by_name.keys(),
        remarks=(*remarks, *faults),
    )


def _info(by_name: dict[str, Member]) -> str:
    """Find the one .dist-info directory; with two, installers would not agree on which counts."""
    tops = (name.partition("/") for name in by_name)
    found = sorted({top for top, slash, _ in tops if slash and top.lower().endswith(".dist-info")})
    if len(found) != 1 or not found[0].endswith(".dist-info"):
        shown = some(found[:_SHOWN], len(found)) or "none"
        raise UploadRefused(
            "wheel-directory", f"A wheel has one .dist-info directory; here: {shown}.", link=WHEELS
        )
    return found[0]


def _there(by_name: dict[str, Member], name: str, slug: str) -> Member:
    if name not in by_name:
        raise UploadRefused(slug, f"The wheel has no file {quoted(name)}.", link=WHEELS)
    return by_name[name]


def _check_wheel(data: bytes, tags: frozenset[Tag], *, what: str) -> tuple[Remark, ...]:
    """Check the WHEEL file: the format's version, and the tags, which the file name has, too."""
    text = data.decode("utf-8", "replace")
    fields = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(text)
    version = str(fields.get("Wheel-Version", "")).strip()
    found = _WHEEL_VERSION.match(version)
    if found is None or int(found[1]) != 1:
        raise UploadRefused(
            "wheel-version", f"{what} has the Wheel-Version {quoted(version)}; 1.0 is known.", link=WHEELS
        )
    remarks = []
    if int(found[2]) > 0:
        remarks.append(
            Remark("wheel-version", f"{what} has the Wheel-Version {quoted(version)}, newer than 1.0.")
        )
    said: set[Tag] = set()
    for tag in fields.get_all("Tag") or []:
        try:
            said |= parse_tag(str(tag).strip()[:200])
        except ValueError:
            remarks.append(Remark("wheel-tags", f"{what} has a tag {quoted(tag)} that is none."))
            break
        if len(said) > _MOST_TAGS:
            break
    if said != tags:
        shown = some(sorted(str(tag) for tag in said ^ tags)[:_SHOWN], len(said ^ tags))
        remarks.append(
            Remark("wheel-tags", f"{what} has not the tags of the file name; in one of them only: {shown}.")
        )
    return tuple(remarks)


def _compare(file: BinaryIO, by_name: dict[str, Member], info: str, *, limits: Limits) -> Iterator[Remark]:
    """Go through all members once, in the order of their bytes, and compare each with RECORD."""
    what = f"{info}/RECORD"
    listed, absent = _listed(file, _there(by_name, what, "record-missing"), by_name, limits=limits)
    unlisted, faults = [], []
    # RECORD cannot have its own digest, and its signatures are made after it (spec, "Signed wheel files").
    exempt = {what, f"{what}.jws", f"{what}.p7s"}
    for member in by_name.values():
        spared = member.name in exempt or member.name.endswith("/")
        said = None if spared else listed.get(member.name)
        measure = Measure(said) if said else None
        for piece in zips.pieces(file, member):
            if measure is not None:
                measure.add(piece)
        if measure is not None and (fault := measure.fault()):
            faults.append(f"{member.name}: {fault}")
        if measure is None and not spared:
            unlisted.append(member.name)
    if faults:
        shown = some(faults[:_SHOWN], len(faults))
        yield Remark("record-digest", f"{what} does not fit the wheel's content: {shown}.")
    if unlisted:
        shown = some(unlisted[:_SHOWN], len(unlisted))
        yield Remark("record-unlisted", f"{what} does not list members that are there: {shown}.")
    if absent:
        shown = some(absent[:_SHOWN], len(absent))
        yield Remark("record-absent", f"{what} lists files that are not there: {shown}.")


def _listed(
    file: BinaryIO, record: Member, by_name: dict[str, Member], *, limits: Limits
) -> tuple[dict[str, Listed], list[str]]:
    """Read RECORD: what it says of the members, and which it lists that are none."""
    if record.size > 2 * limits.listing:
        raise UploadRefused(
            "record-unreadable", f"{record.name} has {record.size} bytes; that is too large.", link=RECORD
        )
    listed: dict[str, Listed] = {}
    absent: list[str] = []
    rows = records.lines(zips.pieces(file, record), what=record.name)
    for count, (path, said) in enumerate(records.entries(rows, what=record.name)):
        if count > limits.members:
            raise UploadRefused("record-unreadable", f"{record.name} has too many lines.", link=RECORD)
        if path not in by_name:
            # What is shown, and of the others only that they are there: there may be megabytes of paths.
            absent.append(path if len(absent) < _SHOWN else "")
        elif listed.setdefault(path, said) != said:
            raise UploadRefused(
                "record-ambiguous", f"{record.name} lists {quoted(path)} twice and differently.", link=RECORD
            )
    return listed, absent
