"""``localshop serve``: everything in one command."""

from __future__ import annotations

import socket
from argparse import ArgumentTypeError
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from localshop import config
from localshop.cli.handed_over import handed_over
from localshop.cli.output import LocalshopCommand, lines
from localshop.cli.supervisor import Child, hold_signals_back, supervise
from localshop.config.addresses import host_and_port
from localshop.errors import BadInput

_BACKLOG = 2048


class Command(LocalshopCommand):
    """Sets up an empty home, then keeps web processes and one that does jobs, until told to end."""

    help = "serve, and run jobs; sets up an empty home first"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; there is no result that ``--json`` could show."""
        settings = config.current()
        parser.add_argument(
            "--bind",
            metavar="HOST:PORT",
            type=_address,
            default=settings.bind,
            help=f"where to listen, {settings.bind} if not given; port 0 takes a free one",
        )
        parser.add_argument(
            "--workers",
            metavar="N",
            type=_number,
            default=settings.workers,
            help=f"how many web processes, {settings.workers} if not given",
        )
        parser.add_argument(
            "--no-jobs",
            action="store_true",
            help="leave the jobs to `localshop worker`; with a broker they are always left to Celery",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Set up what is missing, say where we are, and serve until a signal comes."""
        # First, because who cannot serve should not make a home, nor a password that nobody gets to see.
        with handed_over() or _bound(*options["bind"]) as listener:
            text = self._set_up(listener)
            # Who has a broker has workers of Celery, which may be on other machines.
            with_jobs = not (options["no_jobs"] or config.current().broker_url)
            children = _children(listener, workers=options["workers"], with_jobs=with_jobs)
            # Who comes from now on waits until the processes are there, and when one starts again.
            listener.listen(_BACKLOG)
            self._run(children, text)

    def _run(self, children: list[Child], text: str) -> None:
        from django.db import connections  # noqa: PLC0415 - they need Django's settings.

        # An open database must not be carried into another process.
        connections.close_all()
        # Who has read that we serve may end us.
        hold_signals_back()
        self.stdout.write(text)
        self.stdout.flush()
        supervise(children)

    def _set_up(self, listener: socket.socket) -> str:
        """Set up a home where there is none; what to say of it."""
        from localshop.catalog import schema  # noqa: PLC0415 - they need Django's settings.
        from localshop.cli import setting_up  # noqa: PLC0415 - they need Django's settings.
        from localshop.storage.opening import configured_storage  # noqa: PLC0415

        settings = config.current()
        # A storage that cannot be had is told here, and not by each process over and over.
        configured_storage()
        report = setting_up.initialise(settings)
        schema.ensure_ready(settings)
        host, port = listener.getsockname()[:2]
        index = setting_up.index_url(settings, bind=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        facts = [("index", index)]
        if report.created:
            password = f"{report.password}  (shown only this once)" if report.password else "as given"
            facts += [("user", report.username), ("password", password)]
            if report.weakness:
                self.warn(f"That password is a weak one. {report.weakness}")
        if settings.broker_url:
            facts.append(("jobs", "are left to Celery: localshop celeryd -B -E"))
        return (
            f"localshop serves {settings.home}.\n\n{lines(facts)}\n\n"
            f"Install through it:\n  pip install -i {index} <package>"
        )


def _children(listener: socket.socket, *, workers: int, with_jobs: bool) -> list[Child]:
    from localshop.cli import processes  # noqa: PLC0415 - they need Django's settings.

    def jobs() -> int:
        # Else the port would be taken for as long as a job runs.
        listener.close()
        return processes.work()

    web = partial(processes.web, listener)
    children = [Child(f"web {number}", web) for number in range(1, workers + 1)]
    return [*children, Child("job", jobs)] if with_jobs else children


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has this address; ``BadInput`` when it cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        # uvloop and asyncio set TCP_NODELAY only if the protocol is named, and without it each
        # request on a kept connection takes 40 ms.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise BadInput(f"Listening on {shown} failed: {error.strerror}.") from None
    return listener


def _address(text: str) -> tuple[str, int]:
    try:
        return host_and_port(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT such as 127.0.0.1:8000 or [::1]:8000") from None


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise ArgumentTypeError(f"{text!r} is not a number of processes from 1 to 256")
    return int(text)
