"""The `hyperpy` command: a table of subcommands, each imported only when it is used."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TYPER_USE_RICH", "0")

from hyperpy.commands import LazyGroup, run_group

_COMPONENTS = "hyperpy.components"
COMMANDS = {
    "all": (f"{_COMPONENTS}.all", "A whole cluster in this process."),
    "apiserver": (f"{_COMPONENTS}.apiserver.command", "The API server."),
    "controllers": (f"{_COMPONENTS}.controllers.command", "The control loops."),
    "scheduler": (f"{_COMPONENTS}.scheduler.command", "The scheduler."),
    "kubelet": (f"{_COMPONENTS}.kubelet.command", "The node agent: runs pods."),
    "proxy": (f"{_COMPONENTS}.proxy.command", "The service proxy."),
    "etcd": (f"{_COMPONENTS}.etcd.command", "The watch-store, speaking etcd v3."),
    "ctl": ("hyperpy.ctl.command", "The command line client."),
    "image": (f"{_COMPONENTS}.kubelet.image_command", "Build, load and list images."),
    "version": (f"{_COMPONENTS}.version", "Print the versions."),
}


def main() -> None:
    """Run the command line; exits with the command's code."""
    run_group(LazyGroup("hyperpy", "A whole Kubernetes cluster in one command.", COMMANDS), sys.argv[1:])


if __name__ == "__main__":
    main()
