"""Which log file a request means, and its options."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from hyperpy.api import errors, meta
from hyperpy.components.kubelet import log_reader
from hyperpy.components.kubelet.context import find_container
from hyperpy.components.kubelet.file_watch import FileWatch
from hyperpy.components.kubelet.log_reader import LogOptions
from hyperpy.components.kubelet.plan import old_status
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.runtime.protocol import Container, State

Obj = dict[str, Any]

_STREAMS = {"All": 0, "Stdout": 1, "Stderr": 2}


class Logs:
    """The logs of a node's containers."""

    def __init__(self, views: PodViews, watch: FileWatch) -> None:
        self._views = views
        self._watch = watch

    async def read(self, uid: str, container: Container, options: LogOptions) -> AsyncGenerator[bytes, None]:
        """The text of a container's log; with `follow` until it ends.

        Raises:
            NotFound: there is no log file (any more).
        """

        def alive() -> bool:
            found = self._views.of(uid).by_id(container.id)
            return found is not None and found.state is State.RUNNING

        changed = asyncio.Event()
        try:
            with self._views.watching(uid, changed):
                path = Path(container.log_path)
                async for chunk in log_reader.read(path, options, watch=self._watch, alive=alive, changed=changed):
                    if chunk:
                        yield chunk
        except OSError as error:
            raise errors.NotFound(f"unable to read the log of container {container.name}: {error.strerror}") from error


def choose(pod: Obj, view: PodView, name: str, *, previous: bool) -> Container:
    """The attempt of a container whose log is meant.

    Raises:
        NotFound, BadRequest: no such container, or it has no log yet. The texts are Kubernetes'.
    """
    if find_container(pod, name) is None:
        raise errors.NotFound(f'container "{name}" in pod "{pod["metadata"]["name"]}" is not available')
    history = [c for c in view.history(name) if c.state is not State.CREATED]
    if previous:
        waits = bool(history) and history[0].state is State.EXITED and _waits(pod, name)
        before = history if waits else history[1:]
        if not before:
            raise errors.BadRequest(
                f'previous terminated container "{name}" in pod "{pod["metadata"]["name"]}" not found'
            )
        return before[0]
    if not history:
        waiting = ((old_status(pod, name) or {}).get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or "ContainerCreating"
        if reason in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"):
            reason = f"trying and failing to pull image ({reason})"
        raise errors.BadRequest(f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: {reason}')
    return history[0]


def _waits(pod: Obj, name: str) -> bool:
    """It waits to be restarted: then the last attempt is the previous one."""
    return "waiting" in ((old_status(pod, name) or {}).get("state") or {})


def options(query: Mapping[str, str]) -> tuple[LogOptions, bool]:
    """The options of a request, and whether the previous container is meant.

    Raises:
        BadRequest: one does not parse.
    """
    since = None
    if "sinceSeconds" in query:
        since = time.time() - _number(query, "sinceSeconds", least=1)
    elif "sinceTime" in query:
        try:
            since = meta.parse_time(query["sinceTime"])
        except ValueError as error:
            raise errors.BadRequest(f"sinceTime: {error}") from error
    stream = query.get("stream") or "All"
    if stream not in _STREAMS:
        raise errors.BadRequest(f'stream: "{stream}" is not one of {", ".join(_STREAMS)}')
    found = LogOptions(
        follow=_flag(query, "follow"),
        timestamps=_flag(query, "timestamps"),
        tail_lines=_number(query, "tailLines", least=0) if "tailLines" in query else None,
        since=since,
        limit_bytes=_number(query, "limitBytes", least=1) if "limitBytes" in query else None,
        stream=_STREAMS[stream],
    )
    return found, _flag(query, "previous")


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("1", "t", "true")


def _number(query: Mapping[str, str], name: str, *, least: int) -> int:
    text = query[name]
    if not text.isdigit() or int(text) < least:
        raise errors.BadRequest(f'{name}: "{text}" is not a number of at least {least}')
    return int(text)
