"""The API server's figures: requests a second, CPU a request, watches, memory; beside others, measured in turns.

usage: benchmarks/apiserver.py [--against NAME=URL,TOKEN[,PID] ...] [--rounds 3] [--seconds 3] [--cases get,list,...]
A namespace of 1,000 Pods (two containers, 2 KB as they are sent) is asked over 32 keep-alive connections (lists: 8)
with TLS and a bearer token, by a user with rights from RBAC. Beside the rate stand

* a core: what a core of its own would give, by the CPU a request took; on a busy machine that says more than the rate;
* kubernetes: what a stock kube-apiserver 1.20 with etcd 3.4 did, alone on a machine of 2 cores (recorded, not run);
* bare: what an aiohttp server does here that answers with 3 KB of prebuilt bytes, in the same turns. It took 72 µs a
  request on the machine of the recorded figures, which tells how far the two machines can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import fanout
import load
import uvloop
from load import Question
from targets import Target, bare, own

BARE_US = 72.0
LISTS = ("list", "page")
_STUCK = 5
#: Requests a second of kube-apiserver 1.20; `list` from its watch cache (from etcd: 13).
RECORDED = {
    "get": 3170, "list": 26, "page": 143, "label": 28, "create ConfigMap": 1570, "create Pod": 530, "patch status": 350,
}  # fmt: skip


def questions(namespace: str, pods: int) -> dict[str, Question]:
    """The cases, by name."""
    base = f"/api/v1/namespaces/{namespace}"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "@name@"}, "data": {"k": "x" * 400}}
    merge = "application/merge-patch+json"
    status = '{"status":{"message":"@name@' + uuid.uuid4().hex + '"}}'
    return {
        "get": Question("GET", f"{base}/pods/@name@", names=pods),
        "list": Question("GET", f"{base}/pods"),
        "page": Question("GET", f"{base}/pods?limit=100"),
        "label": Question("GET", f"{base}/pods?labelSelector=bucket%3D7"),
        "create ConfigMap": Question("POST", f"{base}/configmaps", json.dumps(config_map)),
        "create Pod": Question("POST", f"{base}/pods", load.pod("@name@", {})),
        "patch status": Question("PATCH", f"{base}/pods/@name@/status", status, merge, names=pods),
    }


def fill(target: Target, namespace: str, *, pods: int, buckets: int) -> None:
    """A namespace with Pods `p00000` and so on, in `buckets` by label; what is there already stays."""
    target.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    base = f"/api/v1/namespaces/{namespace}"
    with contextlib.suppress(SystemExit):  # a cluster with controllers makes it itself
        target.ask("POST", f"{base}/serviceaccounts", {"metadata": {"name": "default"}})

    def make(number: int) -> None:
        target.ask("POST", f"{base}/pods", load.pod(f"p{number:05d}", {"bucket": str(number % buckets)}))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(make, range(pods)))


@dataclass(frozen=True, slots=True)
class Figure:
    """One case on one server: the medians of its rounds, and the least CPU a request took in one of them."""

    per_s: float
    cpu_us: float
    median_ms: float
    p99_ms: float
    errors: int


def measure(target: Target, question: Question, *, connections: int, seconds: int) -> Figure:
    """One round."""
    before = target.cpu_s()
    answers = load.run(target.url, target.token, question, connections=connections, seconds=seconds)
    cpu_us = (target.cpu_s() - before) / max(1, answers.count) * 1e6
    return Figure(answers.per_s, cpu_us, answers.median_ms, answers.p99_ms, answers.errors)


def summed_up(rounds: Iterable[Figure]) -> Figure:
    """The figure of several rounds."""
    rounds = list(rounds)
    return Figure(
        per_s=statistics.median(figure.per_s for figure in rounds),
        cpu_us=min(figure.cpu_us for figure in rounds),
        median_ms=statistics.median(figure.median_ms for figure in rounds),
        p99_ms=statistics.median(figure.p99_ms for figure in rounds),
        errors=sum(figure.errors for figure in rounds),
    )


def table(ours: Target, plain: Target, others: list[Target], arguments: argparse.Namespace) -> None:
    """Measure and print every case, the servers in turns."""
    namespace = f"bench-{uuid.uuid4().hex[:6]}"
    for target in (ours, *others):
        fill(target, namespace, pods=arguments.pods, buckets=max(1, arguments.pods // 10))
    head = (
        f"{'case':17}{'per s':>8}{'CPU µs':>8}{'a core':>8}{'p50 ms':>8}{'p99 ms':>8}{'× kubernetes':>14}{'× bare':>8}"
    )
    print(head + "".join(f"{'× ' + target.name:>12}" for target in others))
    nothing = Question("GET", "/")
    for name, question in questions(namespace, arguments.pods).items():
        if arguments.cases and name not in arguments.cases:
            continue
        few = 8 if name in LISTS else arguments.connections
        rounds: dict[str, list[Figure]] = {}
        for _ in range(arguments.rounds):
            for target in (ours, plain, *others):
                asked = nothing if target is plain else question
                figure = measure(target, asked, connections=few, seconds=arguments.seconds)
                rounds.setdefault(target.name, []).append(figure)
        figures = {server: summed_up(of_it) for server, of_it in rounds.items()}
        mine = figures[ours.name]
        line = f"{name:17}{mine.per_s:8.0f}{mine.cpu_us:8.0f}{1e6 / mine.cpu_us:8.0f}"
        line += f"{mine.median_ms:8.1f}{mine.p99_ms:8.1f}"
        line += f"{mine.per_s / RECORDED[name]:14.1f}{mine.per_s / figures[plain.name].per_s:8.3f}"
        line += "".join(f"{mine.per_s / figures[target.name].per_s:12.2f}" for target in others)
        print(line + (f"   {mine.errors} errors" if mine.errors else ""), flush=True)
    here = measure(plain, nothing, connections=arguments.connections, seconds=arguments.seconds).cpu_us
    print(f"bare: {here:.0f} µs of CPU a request here, {BARE_US:.0f} µs where kubernetes was measured")


def list_cost(ours: Target, *, seconds: int) -> None:
    """A list by label that returns ten Pods, out of more and more."""
    costs = []
    for pods in (1_000, 10_000):
        namespace = f"stored-{pods}-{uuid.uuid4().hex[:4]}"
        fill(ours, namespace, pods=pods, buckets=pods // 10)
        question = Question("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector=bucket%3D7")
        ours.ask("GET", question.path)  # makes the index
        costs.append(f"{measure(ours, question, connections=8, seconds=seconds).cpu_us:.0f} µs of {pods}")
    print(f"list of 10 Pods by label, CPU: {', '.join(costs)}")


def watches(ours: Target, *, watchers: int, seconds: int) -> None:
    """How late changes reach many watchers, with some beside them that never read."""
    before = ours.cpu_s()
    coroutine = fanout.measure(ours.url, ours.token, watchers=watchers, rate=100, seconds=seconds, stuck=_STUCK)
    found = uvloop.run(coroutine)
    cpu = (ours.cpu_s() - before) / seconds
    print(
        f"{watchers} watchers, {found.writes_per_s:.0f} changes/s: {found.arrived} of {found.expected} delivered, "
        f"median {found.median_ms:.0f} ms, p99 {found.p99_ms:.0f} ms, {cpu:.2f} of a core; {_STUCK} more never read"
    )


def _other(text: str) -> Target:
    """The server of an `--against`."""
    name, _, rest = text.partition("=")
    parts = [*rest.split(","), "", ""]
    return Target(name, parts[0], parts[1], int(parts[2]) if parts[2] else None)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", action="append", default=[], metavar="NAME=URL,TOKEN[,PID]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--cases", type=lambda text: text.split(","), default=[])
    arguments = parser.parse_args()
    others = [_other(text) for text in arguments.against]
    with tempfile.TemporaryDirectory() as name, own(Path(name) / "own") as (ours, took):
        print(f"{os.cpu_count()} cores; ready after {took:.2f} s with {ours.rss_mb():.0f} MB")
        with bare(Path(name) / "own/data/pki") as plain:
            table(ours, plain, others, arguments)
        print(f"memory after that: {ours.rss_mb():.0f} MB")
        list_cost(ours, seconds=arguments.seconds)
        watches(ours, watchers=arguments.watchers, seconds=5)


if __name__ == "__main__":
    main()
