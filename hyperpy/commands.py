"""The command line's frame: groups that import a subcommand only when it is used, and one way to end with an error."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from hyperpy.coercion import quick


class UserError(Exception):
    """Something the user can mend; printed as one line `hyperpy: error: MESSAGE`, exit code 1 (or `exit_code`)."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class LazyGroup(TyperGroup):
    """A group over a table `name -> (module, help)`; a module holds a Typer application named `app`."""

    def __init__(self, name: str, help_text: str, table: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(name=name, help=help_text, no_args_is_help=True, rich_markup_mode=None)
        self._table = table

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own parameters, read without what makes a short command slow."""
        return quick(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the table's order."""
        return list(self._table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module of a subcommand and return its command; None when there is none of that name."""
        if cmd_name not in self._table:
            return None
        app = importlib.import_module(self._table[cmd_name][0]).app
        command = app if isinstance(app, LazyGroup) else typer.main.get_command(app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the subcommands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in self._table.items()])


def run_group(group: LazyGroup, args: Sequence[str]) -> None:
    """Run a command line and exit: usage errors with 2, a `UserError` as one line on stderr with its own code."""
    try:
        group.main(args=list(args), prog_name=group.name)
    except UserError as error:
        print(f"hyperpy: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
