"""Every metric, declared once: its name, what it counts, its labels. Pure.

Label values come from small sets. Names of packages, people and repositories are in none: whoever
watches the machine need not know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Labels = tuple[tuple[str, str], ...]
Counts = Mapping[tuple[str, Labels], float]

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
"""Seconds, the upper bounds of what a histogram keeps apart."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "localshop_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; counters and histograms are summed over the processes of a machine."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    labels: tuple[str, ...] = ()


METRICS = (
    Metric("info", "gauge", "Always 1; its label has the version.", ("version",)),
    Metric("processes", "gauge", "Processes of this machine whose numbers are in here."),
    Metric(
        "requests_total",
        "counter",
        "Requests that were answered, by the door they came through. Status 0: the client left.",
        ("door", "status"),
    ),
    Metric(
        "pages_total",
        "counter",
        "Pages of projects: from the shelf, built, stale while a refresh runs, or absent.",
        ("outcome",),
    ),
    Metric(
        "files_total",
        "counter",
        "Files that were asked for: here, elsewhere (redirected), coming (streamed), withheld, or absent.",
        ("outcome",),
    ),
    Metric("downloads_total", "counter", "Files that were given out or redirected to; parts count once."),
    Metric("uploads_total", "counter", "Files that were published."),
    Metric("refusals_total", "counter", "Refusals and failures that clients were told of.", ("slug",)),
    Metric(
        "upstream_seconds",
        "histogram",
        "Until an upstream had answered; of a file, until it began to come.",
        ("origin",),
    ),
    Metric("upstream_errors_total", "counter", "Questions to upstreams that failed.", ("origin", "slug")),
    Metric(
        "job_seconds",
        "histogram",
        "How long jobs took; the outcome is done, or the slug of what went wrong.",
        ("name", "outcome"),
    ),
    Metric("jobs", "gauge", "Jobs that wait, run or have failed; periodic ones left out.", ("name", "state")),
    Metric("jobs_overdue_seconds", "gauge", "For how long the job has been due that waits longest."),
    Metric("upstreams", "gauge", "Upstreams whose last answer was good (up), or none (down).", ("state",)),
    Metric("stale_pages", "gauge", "Pages that could not be refreshed when that was last tried."),
    Metric("changed_digests", "gauge", "Stored files that their upstream announces with other bytes now."),
    Metric("projects", "gauge", "Projects that are known.", ("kind",)),
    Metric("stored_files", "gauge", "Different files in the storage."),
    Metric("stored_bytes", "gauge", "Bytes in the storage."),
    Metric("disk_free_bytes", "gauge", "Room that is left on the disk of the files, or of their scratch."),
    Metric("disk_bytes", "gauge", "Size of that disk."),
    Metric("database_bytes", "gauge", "Size of the database."),
)


def exposition(counts: Counts) -> str:
    """All numbers in the text format of Prometheus; what is not declared is left out."""
    lines: list[str] = []
    for metric in METRICS:
        name = f"{_PREFIX}{metric.name}"
        lines += [f"# HELP {name} {metric.about}", f"# TYPE {name} {metric.kind}"]
        if metric.kind == "histogram":
            lines += _histogram(metric.name, counts)
        else:
            found = sorted((labels, value) for (one, labels), value in counts.items() if one == metric.name)
            if not found and not metric.labels and metric.kind == "counter":
                found = [((), 0.0)]
            lines += [_line(metric.name, labels, value) for labels, value in found]
    return "\n".join([*lines, ""])


def bucket_of(seconds: float) -> str:
    """The label of the bucket that a duration falls into."""
    return next((_number(bound) for bound in BUCKETS if seconds <= bound), "+Inf")


def _histogram(name: str, counts: Counts) -> Iterable[str]:
    """Each bucket with those below it, which are kept apart until here."""
    apart: dict[Labels, dict[str, float]] = {}
    for (one, labels), value in counts.items():
        if one == f"{name}_bucket":
            rest = tuple(pair for pair in labels if pair[0] != "le")
            apart.setdefault(rest, {})[dict(labels)["le"]] = value
    for labels, buckets in sorted(apart.items()):
        below = 0.0
        for bound in (*(_number(bound) for bound in BUCKETS), "+Inf"):
            below += buckets.get(bound, 0.0)
            yield _line(f"{name}_bucket", (*labels, ("le", bound)), below)
        yield _line(f"{name}_sum", labels, counts.get((f"{name}_sum", labels), 0.0))
        yield _line(f"{name}_count", labels, below)


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{_PREFIX}{name}{{{shown}}} {_number(value)}" if shown else f"{_PREFIX}{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
