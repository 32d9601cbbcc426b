"""The control loops at scale: scheduling, Deployments, many nodes and pods, and what an idle cluster costs.

usage: benchmarks/scale.py [--long] [--only schedule,decision,deployment,many,idle]
Every cluster has a data directory of its own under a temporary one and is stopped at the end. The load comes from the
same cores. The short form takes about three minutes and has 3,000 pods where --long has the 10,000 of the goal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import scale_decision
import scale_hollow
import scale_schedule
from cluster import Server, cluster
from scale_cluster import usable_cores

PARTS = ("decision", "schedule", "deployment", "many", "idle")


@contextlib.contextmanager
def fresh(directory: Path, name: str) -> Iterator[Server]:
    """A cluster of its own for one part."""
    with cluster(directory / name, "hollow") as server:
        server.until(server.node_ready)
        yield server


def measure(directory: Path, parts: set[str], *, long: bool) -> None:
    """Run the parts that were asked for."""
    if "decision" in parts:
        scale_decision.measure()
    if "schedule" in parts:
        with fresh(directory, "schedule") as server:
            scale_schedule.measure(server, nodes=1000, pods=2000)
    if "deployment" in parts:
        with fresh(directory, "deployment") as server:
            asyncio.run(scale_hollow.small(server))
    if "many" in parts:
        with fresh(directory, "many") as server:
            rest_s = 60 if long else 20
            asyncio.run(scale_hollow.large(server, nodes=1000, pods=10_000 if long else 3000, rest_s=rest_s))
    if "idle" in parts:
        with fresh(directory, "idle") as server:
            asyncio.run(scale_hollow.idle(server, seconds=60 if long else 20))


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--long", action="store_true", help="the sizes of the goals")
    arguments.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of {', '.join(PARTS)}")
    chosen = arguments.parse_args()
    parts = set(chosen.only.split(","))
    if unknown := parts - set(PARTS):
        raise SystemExit(f"--only: no part {min(unknown)!r}; there are {', '.join(PARTS)}")
    print(
        f"{platform.machine()}, {usable_cores()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="hyperpy-bench-", dir="." if chosen.long else None) as name:
        measure(Path(name).absolute(), parts, long=chosen.long)


if __name__ == "__main__":
    main()
