"""Figures of the store beside Debian's etcd in one run: durable puts, watches, reads, compaction, start.

usage: benchmarks/store.py [--long] [--seconds 1] [--rounds 3] [--only puts,watches]
All use the same disk and sync every commit. "embedded" is what the API server uses; "gRPC" is `hyperpy etcd` in a
process of its own and is asked by the same clients as etcd. Uses up to 1 GB of disk below the working directory while
it runs, 2 GB with --long.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import tempfile
from pathlib import Path

import store_check_perf
import store_history
import store_puts
import store_reads
import store_watch
import uvloop
from store_servers import ours, theirs
from store_table import Table

from hyperpy.__main__ import GARBAGE
from hyperpy.store.sql.sqlite import open_store

_PARTS = ("puts", "watches", "reads", "compaction", "start")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement of puts")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of puts, whose median counts")
    parser.add_argument("--long", action="store_true", help="the sizes of the goals, and etcdctl check perf")
    parser.add_argument("--only", default=",".join(_PARTS), help=f"parts to run, of {', '.join(_PARTS)}")
    return parser.parse_args()


async def main() -> None:
    """Run what was asked for, print the table."""
    arguments = _arguments()
    parts = set(arguments.only.split(","))
    if unknown := parts - set(_PARTS):
        raise SystemExit(f"--only: no part {min(unknown)!r}; there are {', '.join(_PARTS)}")
    table = Table()
    with tempfile.TemporaryDirectory(dir=".") as name:
        directory = Path(name).absolute()
        async with contextlib.AsyncExitStack() as stack:
            embedded = await open_store(directory / "embedded.db")
            stack.push_async_callback(embedded.aclose)
            own = await stack.enter_async_context(ours(directory))
            etcd = await stack.enter_async_context(theirs(directory))
            if "puts" in parts:
                await store_puts.measure(table, embedded, own, etcd, rounds=arguments.rounds, seconds=arguments.seconds)
            if "watches" in parts:
                await store_watch.measure(table, embedded, own, etcd, seconds=5 * arguments.seconds)
            if "reads" in parts:
                await store_reads.measure(table, embedded, seconds=arguments.seconds)
            if arguments.long and "puts" in parts:
                await store_check_perf.measure(table, own, etcd)
        if "compaction" in parts:
            await store_history.compaction(table, directory, revisions=1_000_000 if arguments.long else 200_000)
        if "start" in parts:
            await store_history.start(table, directory, keys=150_000 if arguments.long else 50_000)
    table.show()


if __name__ == "__main__":
    gc.set_threshold(*GARBAGE)  # the store in this process runs as it does in hyperpy's
    uvloop.run(main())
