"""What `hyperpy ctl apply --server-side` sends, and what it says about conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from hyperpy.api import errors
from hyperpy.client.protocol import APPLY_PATCH
from hyperpy.commands import UserError
from hyperpy.ctl.dry_run import DryRun
from hyperpy.ctl.manifests import Placed
from hyperpy.ctl.session import Session

#: The names that kubectl gives itself; its own tools and the API server know them.
SERVER_SIDE, CLIENT_SIDE = "kubectl", "kubectl-client-side-apply"

Flag = Annotated[bool, typer.Option("--server-side", help="Let the server merge, and keep account of who owns what.")]
Force = Annotated[bool, typer.Option("--force-conflicts", help="Take fields that others own.")]
Manager = Annotated[str, typer.Option("--field-manager", help="Who is to own the fields.")]

_ADVICE = """\
Other managers own the fields above. To take them over, say --force-conflicts. To leave them to the others, take them
out of the file. To share them, set them to the values they have now."""


@dataclass(frozen=True, slots=True)
class Options:
    """`manager` is "" when none was named."""

    server_side: bool
    force: bool
    manager: str

    def check(self, mode: DryRun) -> None:
        """Raises `UserError` for flags that do not go together."""
        if self.force and not self.server_side:
            raise UserError("--force-conflicts only works with --server-side")
        if self.server_side and mode is DryRun.CLIENT:
            raise UserError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")

    @property
    def query(self) -> dict[str, str]:
        """Parameters of a write."""
        name = self.manager or (SERVER_SIDE if self.server_side else CLIENT_SIDE)
        return {"fieldManager": name, "force": "true"} if self.force else {"fieldManager": name}


def apply(session: Session, placed: Placed, options: Options, mode: DryRun) -> dict[str, Any]:
    """Apply an object and return it as the server has it. Raises `UserError` for conflicts, and StatusError."""
    try:
        return session.client.patch(
            placed.kind,
            placed.name,
            placed.obj,
            namespace=placed.namespace,
            patch_type=APPLY_PATCH,
            query={**mode.query(strict=True), **options.query},
        )
    except errors.Conflict as error:
        if not error.details.get("causes"):
            raise
        raise UserError(f"{error.message}\n{_ADVICE}") from error
