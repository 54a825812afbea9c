"""Keeps processes running: forks them, starts anew what died, ends all of them in good order."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from localshop.errors import LocalshopError
from localshop.observe.log import event, get_logger

GRACE: Final = 30.0
"""Seconds that a child may take, once told to end, to finish what it is doing."""

_KILL_AFTER: Final = GRACE + 5
_SOON: Final = 5.0
"""Seconds within which a child that ends has not lived well."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_STARTS: Final = 5
"""Starts in a row that may fail before we give up."""
_ONE_STROKE: Final = 0.5
"""Seconds within which two signals are one: Ctrl-C reaches us from the terminal, and again from
whatever started us and passes it on."""
_ENDINGS = (signal.SIGTERM, signal.SIGINT)

log = get_logger(__name__)


class GaveUpError(LocalshopError):
    """A child cannot be started."""

    slug = "cannot-start"


@dataclass(slots=True)
class Child:
    """A process that is to run all the time: ``work`` is called in it, and gives its exit code.

    ``work`` has to end by itself when the process gets SIGTERM or SIGINT, which are held back until
    it lets them through: see ``let_signals_through``.
    """

    name: str
    work: Callable[[], int]
    pid: int = 0
    """0: it does not run."""
    started: float = 0.0
    start_at: float = 0.0
    """When it is to be started, by ``time.monotonic``."""
    short_lives: int = 0
    failed_starts: int = 0


def hold_signals_back() -> None:
    """From now on who tells this process to end is heard only when it can do so in good order."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)


def let_signals_through() -> None:
    """The handlers are there: this process can be told to end, and what was held back comes now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


def supervise(children: Sequence[Child]) -> None:
    """Run the children until SIGTERM or SIGINT comes, then return; a second signal hurries.

    This process must have no other thread and no open database. Only processes that were started
    here are ever signalled. If this one is killed, the children end by themselves. Raises
    ``GaveUpError`` when one of them cannot be started.
    """
    assert threading.active_count() == 1, "A fork would copy the locks of other threads, not the threads."
    # What is there now is shared with all children as long as nobody writes to it; a garbage
    # collection would write to all of it.
    gc.collect()
    gc.freeze()
    _Supervisor(children).run()


class _Supervisor:
    """The state of ``supervise``."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        # Nothing is ever written to this pipe: children see its end when we are gone.
        self._lifeline, self._held = os.pipe()
        self._news, self._told = socket.socketpair()
        self._news.setblocking(False)
        self._told.setblocking(False)
        self._signals = 0
        self._last_signal = 0.0
        self._ending = False

    def run(self) -> None:
        """Run until told to end; the handlers that were there before come back then."""
        before = {number: signal.signal(number, _noted) for number in (*_ENDINGS, signal.SIGCHLD)}
        fd = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        let_signals_through()
        try:
            while not self._signals:
                for child in self._children:
                    if not child.pid and child.start_at <= time.monotonic():
                        self._start(child)
                self._wait(min((child.start_at for child in self._children if not child.pid), default=None))
                self._bury()
        finally:
            self._end_all()
            signal.set_wakeup_fd(fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in (self._lifeline, self._held):
                os.close(end)
            self._news.close()
            self._told.close()

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        # A signal to the whole group must not reach the child while it has our handlers.
        hold_signals_back()
        try:
            child.pid = os.fork()
            if child.pid == 0:
                self._be(child)
        except OSError as error:
            # No memory, or too many processes: both may pass.
            self._again(child, f"The {child.name} process was not started: {error}.", failed=True)
        finally:
            let_signals_through()

    def _be(self, child: Child) -> NoReturn:
        """What the child does instead of all that its parent would. Nothing ever leaves it."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_ENDINGS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._held)
            self._news.close()
            self._told.close()
            threading.Thread(target=_end_when_orphaned, args=[self._lifeline], daemon=True).start()
            code = child.work()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends here.
            event(log, logging.ERROR, "crashed", f"The {child.name} process: {error}", exc_info=error)
        finally:
            os._exit(code)

    def _wait(self, until: float | None) -> None:
        """Sleep until a signal comes, or until this time."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([self._news], [], [], timeout)[0]:
            return
        for number in self._news.recv(4096):
            now = time.monotonic()
            if number in _ENDINGS and now - self._last_signal > _ONE_STROKE:
                self._signals += 1
                self._last_signal = now

    def _bury(self) -> None:
        """Take note of children that have died, and when to start them again."""
        for child in self._running():
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            child.pid = 0
            if not self._ending:
                code = os.waitstatus_to_exitcode(status)
                how = (
                    f"was killed ({signal.Signals(-code).name})"
                    if code < 0
                    else f"ended with exit code {code}"
                )
                # Who is killed had started; who ends so soon by itself could not.
                self._again(child, f"The {child.name} process {how}; it is started again.", failed=code > 0)

    def _again(self, child: Child, sentence: str, *, failed: bool) -> None:
        """Decide when a child is started again: at once, unless it lives for seconds only."""
        event(log, logging.ERROR, "died", sentence)
        now = time.monotonic()
        soon = now - child.started < _SOON
        child.short_lives = child.short_lives + 1 if soon else 0
        child.failed_starts = child.failed_starts + 1 if soon and failed else 0
        if child.failed_starts >= _STARTS:
            raise GaveUpError(
                f"The {child.name} process did not start in {_STARTS} attempts; the log says why."
            )
        child.start_at = now + (min(_FIRST_PAUSE * 2**child.short_lives, _LONGEST_PAUSE) if soon else 0)

    def _end_all(self) -> None:
        """Tell all children to end, and wait for them; kill those that take too long, or if hurried."""
        self._ending = True
        patience = self._signals + 1
        deadline = time.monotonic() + _KILL_AFTER
        for child in self._running():
            os.kill(child.pid, signal.SIGTERM)
        if self._running():
            event(log, logging.INFO, "ending", f"Running requests and jobs get {GRACE:.0f} seconds.")
        while self._running() and self._signals < patience and time.monotonic() < deadline:
            self._wait(deadline)
            self._bury()
        for child in self._running():
            event(log, logging.WARNING, "killed", f"The {child.name} process did not end by itself.")
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            child.pid = 0

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.pid]


def _noted(_number: int, _frame: object) -> None:
    """Do nothing: without a handler the signal would not be written to the wakeup socket."""


def _end_when_orphaned(lifeline: int) -> None:
    """Wait, in a thread of a child, until its parent is gone, however that came; then end, too."""
    os.read(lifeline, 1)
    end_for_want_of_parent()


def end_for_want_of_parent() -> None:
    """End this process in good order, in a thread of its own: nobody else would, nor start it again."""
    event(log, logging.ERROR, "orphaned", "The process that started this one is gone, so it ends.")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_KILL_AFTER)
    os._exit(1)
