"""Serves any store over etcd's wire, as a process of its own: for the stores that `hyperpy etcd` does not serve.

usage: serve.py STORE DIRECTORY PORT
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from store.served import serving

from hyperpy.store.opening import open_store


async def serve(where: str, directory: Path, port: int) -> None:
    """Until killed."""
    store = await open_store(where)
    async with serving(store, directory, port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
