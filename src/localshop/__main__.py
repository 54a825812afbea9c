"""Where ``localshop`` and ``python -m localshop`` begin."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from localshop.errors import LocalshopError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; ``arguments`` are those of the process unless given. Returns the exit code.

    Whatever goes wrong in a foreseeable way is one sentence on stderr and exit code 1; with
    ``--traceback`` (as for every command of Django) the traceback is shown too.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What is kept here is its owner's only: keys, passwords of upstreams, private packages.
    os.umask(0o077)
    # Somebody may have another Django project's settings in the environment.
    os.environ["DJANGO_SETTINGS_MODULE"] = "localshop.settings"
    try:
        _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None or "--traceback" in given:
            raise
        sys.stderr.write(f"localshop: {sentence}\n")
        return 1
    return 0


def _run(given: list[str]) -> None:
    from localshop.cli import start  # noqa: PLC0415 - what cannot be imported is told in a sentence, too.

    start.prepare(given)
    start.Utility(["localshop", *given]).execute()


def _sentence(error: Exception) -> str | None:
    """What to tell of an error; None: it is a mistake of ours, and its traceback is wanted."""
    if isinstance(error, LocalshopError):
        return error.sentence
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - most runs end well.
    from django.db import Error  # noqa: PLC0415

    told = " ".join(str(error).split()).rstrip(".?")
    if isinstance(error, Error):
        return f"The database cannot do this: {told}."
    if isinstance(error, ImproperlyConfigured):
        return f"Django cannot start with these settings: {told}."
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else f"{told}."
    return None


if __name__ == "__main__":
    sys.exit(main())
