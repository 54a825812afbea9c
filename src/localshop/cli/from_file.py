"""Sending a part of a file as nginx does: the kernel puts its pages into the socket, and nobody copies them.

No event loop does that beside its own transport (uvloop has no ``sendfile`` at all), so it is done past
the transport, while that has nothing to write.
"""

from __future__ import annotations

import asyncio
import os
import sys

from uvicorn.protocols.http.flow_control import FlowControl

CAN_SEND_FROM_FILES = sys.platform == "linux"
_AT_ONCE = 1 << 20
"""Bytes after which others get their turn."""


async def send_from_file(
    transport: asyncio.Transport, flow: FlowControl, file: int, *, part: tuple[int, int]
) -> bool:
    """Send the bytes from the first number up to the second; False: the connection has come to its end.

    ``EOFError``: the file ends before the part does. Whoever ends the connection resumes ``flow``.
    """
    # From here on it tells of every byte that is left of what was written before.
    transport.set_write_buffer_limits(high=0)
    # The loop watches the socket already, and watches each descriptor once.
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        start, stop = part
        while start < stop:
            await flow.drain()
            if transport.is_closing():
                return False
            try:
                sent = os.sendfile(out, file, start, min(_AT_ONCE, stop - start))
            except BlockingIOError:
                await _room(out, flow)
            else:
                if not sent:
                    raise EOFError("The file was cut while it was being sent.")
                start += sent
                await asyncio.sleep(0)
    except (ConnectionError, TimeoutError):
        return False
    finally:
        os.close(out)
        transport.set_write_buffer_limits()
    return True


async def _room(out: int, flow: FlowControl) -> None:
    """Wait until the socket takes more, or the connection has ended."""
    loop = asyncio.get_running_loop()
    flow.pause_writing()
    loop.add_writer(out, flow.resume_writing)
    try:
        await flow.drain()
    finally:
        loop.remove_writer(out)
        flow.resume_writing()
