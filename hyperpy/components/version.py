"""hyperpy version: the versions of hyperpy, of the Kubernetes API it serves and of Python."""

from __future__ import annotations

import platform

import typer

from hyperpy import KUBERNETES_VERSION, __version__
from hyperpy.coercion import QuickCommand

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def version() -> None:
    """Print the versions."""
    print(f"hyperpy {__version__} (Kubernetes API {KUBERNETES_VERSION}, Python {platform.python_version()})")
