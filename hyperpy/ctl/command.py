"""hyperpy ctl: the table of verbs, and the one place where failures become lines and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import typer

from hyperpy.api import errors
from hyperpy.commands import LazyGroup, UserError
from hyperpy.ctl import flags

_VERBS = {
    "get": ("hyperpy.ctl.get", "Show objects."),
    "describe": ("hyperpy.ctl.describe", "Show objects in detail, with their events."),
    "run": ("hyperpy.ctl.run", "Run an image in a pod."),
    "create": ("hyperpy.ctl.create", "Create objects from files."),
    "apply": ("hyperpy.ctl.apply", "Make objects what files say."),
    "delete": ("hyperpy.ctl.delete", "Delete objects."),
    "logs": ("hyperpy.ctl.logs", "Print what containers wrote."),
    "exec": ("hyperpy.ctl.exec", "Run a command in a container."),
    "scale": ("hyperpy.ctl.scale", "Set how many pods there should be."),
    "expose": ("hyperpy.ctl.expose", "Make a Service for pods."),
    "label": ("hyperpy.ctl.label", "Set and remove labels."),
    "why": ("hyperpy.ctl.why", "Tell why a pod has no node, or why it has the one it has."),
}

#: Verbs for which what follows `--` is a command of the container.
_WITH_COMMANDS = ("run", "exec")


class CtlGroup(LazyGroup):
    """The group of verbs; its flags may stand before and after the verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take out the flags of every verb, then go on as any group."""
        from hyperpy.ctl.session import Session

        with _failures():
            line = flags.sort_out(args)
        ctx.obj = Session(line)
        rest = list(line.rest)
        if line.trailing is not None and (not rest or rest[0] not in _WITH_COMMANDS):
            rest += ["--", *line.trailing]
        return list(super().parse_args(ctx, rest))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        with _failures():
            try:
                return super().invoke(ctx)
            finally:
                ctx.obj.close()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the flags of every verb, then the verbs."""
        with formatter.section("Flags, before or after the verb"):
            formatter.write_dl(list(flags.GLOBAL_FLAGS.items()))
        super().format_options(ctx, formatter)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Print what goes wrong inside as kubectl does, and end with its exit code."""
    try:
        yield
    except UserError as error:
        _end(f"error: {error}", error.exit_code)
    except errors.StatusError as error:
        from hyperpy.ctl import failures

        _end(failures.line(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _end(line: str, code: int) -> None:
    sys.stdout.flush()
    print(line, file=sys.stderr)
    raise typer.Exit(code)


app = CtlGroup("ctl", "The command line client.", _VERBS)
