"""Runs a command in a container to its end and collects what it said: for exec probes and hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.runtime.protocol import Runtime

#: More output than this is read and dropped. Source: kubelet, exec probes (10 KiB).
MAX_OUTPUT = 10 * 1024


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    output: str


async def run_command(runtime: Runtime, container_id: str, command: Sequence[str]) -> Finished:
    """Run it; the caller sets the deadline.

    Raises:
        RuntimeFailure: it could not be run.
    """
    process = await runtime.exec(container_id, command)
    try:
        chunks: list[bytes] = []
        size = 0
        while (output := await process.read()) is not None:
            if size < MAX_OUTPUT:
                chunks.append(output.data[: MAX_OUTPUT - size])
                size += len(chunks[-1])
        return Finished(await process.wait(), b"".join(chunks).decode(errors="replace"))
    finally:
        await process.aclose()
