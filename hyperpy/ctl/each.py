"""Does something to several objects: a failure of one is printed and does not keep the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

import typer

from hyperpy.api import errors
from hyperpy.client.sync import Unreachable
from hyperpy.commands import UserError
from hyperpy.ctl import failures

Item = TypeVar("Item")


def each(items: Iterable[Item], action: Callable[[Item], None], *, doing: Callable[[Item], str] | None = None) -> None:
    """Run `action` on every item.

    Args:
        doing: what a refusal of the server happened at, put before its message.
    Raises:
        typer.Exit: with 1, at the end, when one failed.
        Unreachable: at once; the others would fail alike.
    """
    failed = False
    for item in items:
        try:
            action(item)
        except Unreachable:
            raise
        except errors.StatusError as error:
            failed = True
            print(failures.line(error, doing=doing(item) if doing else ""), file=sys.stderr)
        except UserError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
