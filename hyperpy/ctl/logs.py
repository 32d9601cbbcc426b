"""hyperpy ctl logs: what a container wrote, and with -f what it goes on writing."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from hyperpy.api import kinds
from hyperpy.commands import UserError
from hyperpy.ctl.containers import find_container, find_pod
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_CHUNK = 64 * 1024


@app.command(cls=Verb)
def logs(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="POD [CONTAINER]", help="Or TYPE/NAME.")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on while it writes.")] = False,
    container: Annotated[str, typer.Option("-c", "--container", help="Which container.")] = "",
    tail: Annotated[int, typer.Option("--tail", help="Only the last lines; -1: all.")] = -1,
    previous: Annotated[bool, typer.Option("-p", "--previous", help="Of the run before this one.")] = False,
    since: Annotated[str, typer.Option("--since", help="Only what is newer, such as 5s, 2m or 3h.")] = "",
    timestamps: Annotated[bool, typer.Option("--timestamps", help="A time before each line.")] = False,
) -> None:
    """Print what a container wrote."""
    session: Session = ctx.obj
    if len(words) == 2 and "/" not in words[1] and not container:
        words, container = words[:1], words[1]
    pod = find_pod(session, words)
    query = {"container": find_container(pod, container)}
    if follow:
        query["follow"] = "true"
    if previous:
        query["previous"] = "true"
    if timestamps:
        query["timestamps"] = "true"
    if tail >= 0:
        query["tailLines"] = str(tail)
    if since:
        query["sinceSeconds"] = str(max(1, round(seconds(since))))
    path = kinds.POD.path(namespace=session.namespace, name=pod["metadata"]["name"], subresource="log")
    with session.client.stream(path, query=query) as response:
        while chunk := response.read1(_CHUNK):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


def seconds(text: str) -> float:
    """A duration as Go writes it: `1h30m`, `5s`.

    Raises:
        UserError: it is none.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UserError(f'invalid argument "{text}" for "--since" flag: it must be a duration such as 5s, 2m or 3h')
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
