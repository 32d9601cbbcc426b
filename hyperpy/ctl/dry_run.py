"""`--dry-run`: what is sent, and what is said of it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Self

import typer

from hyperpy.commands import UserError

Flag = Annotated[str, typer.Option("--dry-run", help="none, client (send nothing) or server (keep nothing).")]


class DryRun(Enum):
    """How far a change goes."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `UserError` for anything else."""
        try:
            return cls(text)
        except ValueError:
            raise UserError(f'Invalid dry-run value ({text}). Must be "none", "server", or "client".') from None

    def query(self, *, strict: bool = False) -> dict[str, str]:
        """Parameters of a write; with `strict` unknown fields are refused."""
        query = {"fieldValidation": "Strict"} if strict else {}
        return {**query, "dryRun": "All"} if self is DryRun.SERVER else query

    def __str__(self) -> str:
        """What follows a message."""
        return {DryRun.NONE: "", DryRun.CLIENT: " (dry run)", DryRun.SERVER: " (server dry run)"}[self]
