"""Tells the user what has become true, in order, and applies the manifests that were asked for.

Watches: Node, Service.   Writes: standard output; objects by `hyperpy ctl apply`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Never

from hyperpy.api import kinds, meta
from hyperpy.client.informer import Informer, Informers
from hyperpy.client.protocol import Obj
from hyperpy.components.supervisor import StartFailure

_SERVICE_NAME = "kubernetes.io/service-name"
_NEXT = (
    "get pods -A -o wide",
    "run web --image=hyperpy --image-pull-policy=IfNotPresent --command -- sleep 1000",
    "logs -f deployment/hello",
)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is known at the start.

    Args:
        server: the API server's URL.
        kubeconfig: the admin's file.
        node_name: the Node of this process.
        apply: manifests to apply once the Node is Ready, a file or a folder.
        default_place: the kubeconfig is where clients look by themselves.
    """

    server: str
    kubeconfig: Path
    node_name: str
    apply: Path | None
    default_place: bool


class Greeter:
    """The voice of `hyperpy all`."""

    name = "greeter"

    def __init__(self, informers: Informers, greeting: Greeting) -> None:
        self._greeting = greeting
        self._nodes = informers.of(kinds.NODE)
        self._services = informers.of(kinds.SERVICE)
        self._slices = informers.of(kinds.ENDPOINT_SLICE)

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Tell, then stay until cancelled."""
        ready()
        greeting = self._greeting
        say("API server", greeting.server)
        say("kubeconfig", str(greeting.kubeconfig))
        node = await _first(self._nodes, lambda obj: _is_ready_node(obj, greeting.node_name))
        say("node", f"{greeting.node_name} is Ready ({node['status']['nodeInfo']['containerRuntimeVersion']})")
        if greeting.apply is not None:
            await self._apply(greeting.apply)
        self._say_next_steps()
        await asyncio.Event().wait()
        raise AssertionError("the event above is never set")

    async def _apply(self, manifests: Path) -> None:
        """Apply and wait until a NodePort Service of theirs has an endpoint, then tell its address."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hyperpy", "ctl", "apply", "--kubeconfig", str(self._greeting.kubeconfig),
            "-f", str(manifests), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        if process.returncode:
            raise StartFailure(f"--apply {manifests}: {complaints.decode().strip()}")
        applied = output.decode().splitlines()
        for line in applied:
            say("applied", line)
        names = {line.split()[0].partition("/")[2] for line in applied if line.startswith("service/")}
        for name in sorted(names):
            await self._say_address(name)

    async def _say_address(self, name: str) -> None:
        service = await _first(self._services, lambda obj: obj["metadata"]["name"] == name)
        ports = [port for port in service["spec"].get("ports", ()) if port.get("nodePort")]
        if not ports:
            return
        key = meta.key(service)
        await _first(self._slices, lambda part: _serves(part, key))
        for port in ports:
            say("address", f"http://127.0.0.1:{port['nodePort']}/  (service {key}, port {port['port']})")

    def _say_next_steps(self) -> None:
        hint = "" if self._greeting.default_place else f" --kubeconfig {self._greeting.kubeconfig}"
        print("\nTry next, in another terminal:", flush=True)
        for command in _NEXT:
            verb, _, rest = command.partition(" ")
            print(f"    {_program()} ctl {verb}{hint} {rest}", flush=True)
        print("Ctrl-C stops the cluster and its pods; its data stays.", flush=True)


def _program() -> str:
    """How a shell in this folder finds this program: by its name where that is on the PATH, else by its place."""
    return "hyperpy" if shutil.which("hyperpy") else os.path.relpath(sys.argv[0])


def say(what: str, value: str) -> None:
    """One aligned line on standard output."""
    print(f"{what + ':':12} {value}", flush=True)


async def _first(informer: Informer, wanted: Callable[[Obj], bool]) -> Obj:
    """The first object that is as wanted, now or later."""
    found: asyncio.Future[Obj] = asyncio.get_running_loop().create_future()

    def look(_event: str, _old: Obj | None, new: Obj | None) -> None:
        if new is not None and not found.done() and wanted(new):
            found.set_result(new)

    unsubscribe = informer.subscribe(look)
    try:
        return await found
    finally:
        unsubscribe()


def _is_ready_node(node: Obj, name: str) -> bool:
    condition = meta.condition(node, "Ready") or {}
    return bool(node["metadata"]["name"] == name and condition.get("status") == "True")


def _serves(part: Obj, service: str) -> bool:
    about = part["metadata"]
    named = f"{about['namespace']}/{(about.get('labels') or {}).get(_SERVICE_NAME)}" == service
    return named and any((end.get("conditions") or {}).get("ready") for end in part.get("endpoints") or ())
