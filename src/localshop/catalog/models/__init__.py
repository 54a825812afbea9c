"""Every table of localshop.

Two kinds of columns carry the time: what people read is an aware UTC datetime; what the hot path
compares on every request is a float of seconds since the epoch, because it costs nothing to read.

Nothing here has behaviour: changes go through the named functions of this room.
"""

from __future__ import annotations

from .files import Attestations, Blob, CoreMetadata, File, Hold, Inspection, Readme
from .jobs import Job
from .judgement import AdvisedProject, Advisory, Alarm, Feed, HeldRelease, Pass
from .ledger import Download, DownloadedFile, Event
from .people import Credential, FailedTry, Grant, Team, User
from .projects import Project, ShelvedPage, UpstreamPage
from .repositories import Network, Repository, Upstream
from .state import State

__all__ = [
    "AdvisedProject",
    "Advisory",
    "Alarm",
    "Attestations",
    "Blob",
    "CoreMetadata",
    "Credential",
    "Download",
    "DownloadedFile",
    "Event",
    "FailedTry",
    "Feed",
    "File",
    "Grant",
    "HeldRelease",
    "Hold",
    "Inspection",
    "Job",
    "Network",
    "Pass",
    "Project",
    "Readme",
    "Repository",
    "ShelvedPage",
    "State",
    "Team",
    "Upstream",
    "UpstreamPage",
    "User",
]
