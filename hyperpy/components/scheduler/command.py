"""hyperpy scheduler: the scheduler as a process of its own."""

from __future__ import annotations

import os
import socket
import uuid
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def scheduler(
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    scheduler_name: Annotated[
        str, typer.Option("--scheduler-name", help="Takes the pods that name this scheduler.")
    ] = "default-scheduler",
    leader_elect: Annotated[
        bool, typer.Option("--leader-elect/--no-leader-elect", help="Of several schedulers one works at a time.")
    ] = True,
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Bind pending pods to nodes."""
    from hyperpy.components import standalone
    from hyperpy.components.scheduler.component import Options, Scheduler

    options = Options(scheduler_name, leader_elect, f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4()}")
    standalone.run(
        standalone.access(kubeconfig_path=kubeconfig, server=master),
        lambda client, informers: [Scheduler(client, informers, options)],
        name="scheduler",
        verbosity=verbosity,
    )
