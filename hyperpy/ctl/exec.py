"""hyperpy ctl exec: a command in a running container, joined to this terminal; ends with the command's exit code."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from hyperpy.api import kinds, pods
from hyperpy.commands import UserError
from hyperpy.ctl.containers import find_container, find_pod
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

#: The newest first: v5 can close the command's standard input, v4 cannot.
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


@app.command(cls=Verb)
def exec_(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="POD -- COMMAND [ARGS]...", help="Or TYPE/NAME.")],
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Pass on standard input.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Give the command a terminal.")] = False,
    container: Annotated[str, typer.Option("-c", "--container", help="Which container.")] = "",
) -> None:
    """Run a command in a container."""
    session: Session = ctx.obj
    if len(words) > 1 and not (len(words) == 2 and "/" not in words[0] and session.trailing):
        raise UserError("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
    if not session.trailing:
        raise UserError("you must specify at least one command for the container, after --")
    pod = find_pod(session, words)
    if pods.is_terminal(pod):
        raise UserError(f"cannot exec into a container in a completed pod; current phase is {pods.phase(pod)}")
    if tty and not (stdin and sys.stdin.isatty()):
        print("Unable to use a TTY - input is not a terminal or the right kind of file", file=sys.stderr)
        tty = False
    query: dict[str, str | list[str]] = {
        "container": find_container(pod, container),
        "command": list(session.trailing),
        "stdin": _text(stdin),
        "stdout": "true",
        "stderr": _text(not tty),
        "tty": _text(tty),
    }
    path = kinds.POD.path(namespace=session.namespace, name=pod["metadata"]["name"], subresource="exec")
    code = _attach(session, path, query, stdin=stdin, tty=tty)
    if code:
        print(f"command terminated with exit code {code}", file=sys.stderr)
        raise typer.Exit(code)


def _text(flag: bool) -> str:
    return "true" if flag else "false"


def _attach(session: Session, path: str, query: dict[str, str | list[str]], *, stdin: bool, tty: bool) -> int:
    from hyperpy.ctl import terminal
    from hyperpy.ctl.channels import Channels, Streams

    keyboard = sys.stdin.fileno() if stdin else None
    screen = keyboard if tty else None
    sys.stdout.flush()
    with contextlib.closing(session.client.upgrade(path, query=query, protocols=PROTOCOLS)) as socket:
        raw = terminal.raw_mode(screen) if screen is not None else contextlib.nullcontext()
        streams = Streams(keyboard, sys.stdout.fileno(), sys.stderr.fileno(), screen)
        with raw, Channels(socket, streams) as channels:
            return channels.run()
