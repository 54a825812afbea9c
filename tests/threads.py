"""Work on the database from an async test: in a thread, and the thread's connection is closed again."""

from __future__ import annotations

import asyncio

from django.db import connections


async def in_thread(work, *args, **kwargs):
    def closing():
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(closing)
