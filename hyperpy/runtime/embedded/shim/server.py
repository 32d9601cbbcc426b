"""The shim's socket: takes requests of the kubelet, gives answers and events."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from hyperpy.runtime.embedded import wire
from hyperpy.runtime.embedded.shim.loop import Loop
from hyperpy.runtime.embedded.shim.pods import Missing, Pods, Refused, Reply


class Server:
    """Answers requests about pods.

    Args:
        listener: the bound and listening socket.
        pods: the registry.
        about: what `hello` answers.
    """

    def __init__(self, loop: Loop, listener: socket.socket, pods: Pods, *, about: dict[str, Any]) -> None:
        self._loop = loop
        self._listener = listener
        self._pods = pods
        self._about = about
        self._links: set[wire.Link] = set()
        listener.setblocking(False)
        loop.add_reader(listener.fileno(), self._accept)

    def publish(self, sandbox_id: str, container_id: str) -> None:
        """Tell every kubelet how a sandbox or a container is now."""
        event = {"sandbox": sandbox_id, "container": container_id, "now": self._pods.describe(sandbox_id, container_id)}
        for link in list(self._links):
            link.send({"event": event})

    def close(self) -> None:
        """Stop listening and end the connections."""
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for link in list(self._links):
            link.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if wire.peer(connection)[1] not in (0, os.geteuid()):
            connection.close()
            return
        link = wire.Link(
            self._loop,
            connection,
            on_message=lambda message, handles: self._handle(link, message, handles),
            on_end=lambda _: self._links.discard(link),
        )
        self._links.add(link)

    def _handle(self, link: wire.Link, message: dict[str, Any], handles: list[int]) -> None:
        number = message.get("id")

        def reply(answer: dict[str, Any] | Refused) -> None:
            if isinstance(answer, Refused):
                link.send({"id": number, "error": str(answer), "missing": isinstance(answer, Missing)})
                return
            opened = [answer["handle"]] if "handle" in answer else []
            link.send({"id": number, "ok": {key: answer[key] for key in answer if key != "handle"}}, opened)

        def on_exit(code: int) -> None:
            link.send({"exit": number, "code": code})

        try:
            self._dispatch(message, handles, reply, on_exit)
        except Refused as refusal:
            reply(refusal)
        except Exception as error:
            # The outermost net of a request: the shim must go on for all other pods.
            print(f"{message.get('op')}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            reply(Refused(f"{type(error).__name__}: {error}"))
        finally:
            wire.close_all(handles)

    def _dispatch(
        self, message: dict[str, Any], handles: list[int], reply: Reply, on_exit: Callable[[int], None]
    ) -> None:
        pods, operation, target = self._pods, message.get("op"), message.get("target", "")
        match operation:
            case "hello":
                reply(self._about)
            case "list":
                reply(pods.list_all())
            case "run_sandbox" | "stop_sandbox" | "remove_sandbox" | "start_container" | "remove_container":
                getattr(pods, operation)(target, reply)
            case "signal":
                pods.send_signal(target, message["signal"])
                reply({})
            case "exec":
                pods.exec(target, message, handles, reply, on_exit)
            case "kill_exec":
                pods.kill_exec(message["pid"])
                reply({})
            case "attach":
                source = pods.attach(target, [os.dup(handle) for handle in handles])
                reply({"handle": source} if source >= 0 else {})
            case "close_stdin" | "reopen_log":
                getattr(pods, operation)(target)
                reply({})
            case "leave":
                reply({})
                self._loop.stop()
            case "purge":
                pods.purge(lambda: self._purged(reply))
            case _:
                raise Refused(f"unknown request {operation!r}")

    def _purged(self, reply: Reply) -> None:
        reply({})
        self._loop.stop()
