"""hyperpy ctl run: one pod from one image. Without --image the name is the image: `hyperpy ctl run nginx`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hyperpy.api import kinds
from hyperpy.commands import UserError
from hyperpy.ctl import dry_run, output
from hyperpy.ctl.create import create_one, tell
from hyperpy.ctl.dry_run import DryRun
from hyperpy.ctl.manifests import Placed
from hyperpy.ctl.pairs import parse_map
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_RESTART = ("Always", "OnFailure", "Never")
_PULL = ("", "Always", "IfNotPresent", "Never")
_IMAGE_NAME = re.compile(r"(?:.*/)?([^/:@]+)(?:[:@].*)?")


@app.command(cls=Verb)
def run(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="NAME [-- ARGS...]", help="The pod's name.")],
    image: Annotated[str, typer.Option("--image", help="The image; the name when it is not given.")] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="A port that the container opens.")] = 0,
    env: Annotated[list[str] | None, typer.Option("--env", help="NAME=VALUE; may be repeated.")] = None,
    labels: Annotated[str, typer.Option("-l", "--labels", help="KEY=VALUE,...; run=NAME when not given.")] = "",
    restart: Annotated[str, typer.Option("--restart", help="Always, OnFailure or Never.")] = "Always",
    command: Annotated[bool, typer.Option("--command", help="ARGS are the command, not its arguments.")] = False,
    image_pull_policy: Annotated[str, typer.Option("--image-pull-policy", help="Always, IfNotPresent or Never.")] = "",
    dry_run_mode: dry_run.Flag = "none",
    output_format: output.Flag = "",
) -> None:
    """Run an image in a pod."""
    session: Session = ctx.obj
    mode = DryRun.parse(dry_run_mode)
    output.check(output_format)
    name, *args = words
    args += session.trailing or ()
    if restart not in _RESTART:
        raise UserError(f"invalid restart policy: {restart}; it must be Always, OnFailure or Never")
    if image_pull_policy not in _PULL:
        raise UserError(f"invalid image pull policy: {image_pull_policy}")
    container = _container(name, image or name, args, command=command)
    container["env"] = [_variable(text) for text in env or ()]
    container["ports"] = [{"containerPort": port}] if port else []
    container["imagePullPolicy"] = image_pull_policy
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(name),
            "namespace": session.namespace,
            "labels": parse_map(labels, what="labels") if labels else {"run": pod_name(name)},
        },
        "spec": {
            "containers": [{key: value for key, value in container.items() if value}],
            "restartPolicy": restart,
        },
    }
    placed = Placed(kinds.POD, session.namespace, pod_name(name), pod, "")
    tell(placed, create_one(session, placed, mode), f"created{mode}", output_format)


def pod_name(text: str) -> str:
    """The name of the pod: of an image reference only its last part, without tag and digest."""
    matched = _IMAGE_NAME.fullmatch(text)
    return matched[1] if matched else text


def _container(name: str, image: str, args: Sequence[str], *, command: bool) -> dict[str, Any]:
    container: dict[str, Any] = {"name": pod_name(name), "image": image}
    if args:
        container["command" if command else "args"] = list(args)
    elif command:
        raise UserError("--command needs the command, after --")
    return container


def _variable(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"invalid env: {text}; it must be NAME=VALUE")
    return {"name": name, "value": value}
