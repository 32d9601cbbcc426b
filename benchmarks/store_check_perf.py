"""etcdctl's own load, `check perf --load=s`: a minute of writes with a limit on their waits, against both servers."""

from __future__ import annotations

import asyncio
import os

from store_servers import Server
from store_table import Figure, Table


async def measure(table: Table, ours: Server, theirs: Server) -> None:
    """One after the other."""
    own, etcd = await _check(ours), await _check(theirs)
    table.add(Figure("etcdctl check perf --load=s", own, etcd, goal="passes", met=own.startswith("PASS")))


async def _check(server: Server) -> str:
    """PASS or FAIL and the throughput that etcdctl found."""
    process = await asyncio.create_subprocess_exec(
        *("etcdctl", f"--endpoints=127.0.0.1:{server.port}", "check", "perf", "--load=s"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "ETCDCTL_API": "3"},
    )
    said = (await process.communicate())[0].decode().replace("\r", "\n").splitlines()
    lines = [line for line in said if line.startswith(("PASS", "FAIL"))]
    if not lines:
        raise SystemExit(f"etcdctl check perf on {server.name} said {said[-3:]}")
    throughput = next((line.partition("is ")[2] for line in lines if "hroughput" in line), "")
    return f"{lines[-1]}, {throughput}" if throughput else lines[-1]
