"""A process of its own for what strangers have written: asked once, and ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys


async def ask(module: str, *arguments: str, data: bytes, largest: int, wall: float) -> bytes | None:
    """What ``module`` writes when it reads ``data``; None: it failed, or met a limit.

    ``largest``: bytes of the answer; ``wall``: seconds by the clock on the wall. Limits of memory
    and processor time are the module's own, by ``limit``.
    """
    child = await asyncio.create_subprocess_exec(
        # -I: nothing of the working directory or of this process's environment has a say in it.
        sys.executable,
        "-I",
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(wall):
            out = await _talk(child, data, largest=largest)
    except TimeoutError:
        return None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return out if child.returncode == 0 and len(out) <= largest else None


def limit(*, seconds: int, memory: int) -> None:
    """Limit this process, once everything is imported: only what follows is paid for by its input.

    ``seconds`` of processor time, ``memory`` in bytes of address space. It writes no files.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, until))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


async def _talk(child: asyncio.subprocess.Process, data: bytes, *, largest: int) -> bytes:
    """Send all, read no more than may come."""
    if child.stdin is None or child.stdout is None:
        return b""
    child.stdin.write(data)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await child.stdin.drain()
    child.stdin.close()
    out = bytearray()
    while (piece := await child.stdout.read(65_536)) and len(out) <= largest:
        out += piece
    if len(out) <= largest:
        await child.wait()
    return bytes(out)
