"""Options of the writing verbs as the query gives them: dry run, field validation, field manager.

Source: the API reference, "CreateOptions", "UpdateOptions", "PatchOptions"; texts of their validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyperpy.api.schema import cause
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.content import option_errors

IGNORE, WARN, STRICT = "Ignore", "Warn", "Strict"
_LEVELS = (IGNORE, STRICT, WARN)
_MAX_MANAGER = 128


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """`dry_run`: do everything but write. `field_validation`: what happens to unknown and repeated fields.

    `force`: an apply takes fields away from other managers.
    """

    dry_run: bool = False
    field_validation: str = WARN
    field_manager: str = ""
    force: bool = False


def parse_apply(request: Request) -> WriteOptions:
    """Read the options of an apply. Raises Invalid."""
    if not request.param("fieldManager"):
        raise option_errors.invalid("PatchOptions", [cause.required("fieldManager", "is required for apply patch")])
    return replace(_parsed(request, "PatchOptions"), force=request.flag("force"))


def parse(request: Request, kind: str = "CreateOptions") -> WriteOptions:
    """Read the options; `kind` is how messages call them. Raises Invalid."""
    if "force" in request.query and kind == "PatchOptions":
        raise option_errors.invalid(kind, [cause.forbidden("force", "may not be specified for non-apply patch")])
    return _parsed(request, kind)


def _parsed(request: Request, kind: str) -> WriteOptions:
    return WriteOptions(
        dry_run=dry_run(request.query.get("dryRun", ()), kind),
        field_validation=_field_validation(request, kind),
        field_manager=_field_manager(request, kind),
    )


def document(request: Request) -> dict[str, str]:
    """The options beside `dryRun` that a client set, as CreateOptions and UpdateOptions have them."""
    given = ((name, request.param(name)) for name in ("fieldManager", "fieldValidation"))
    return {name: value for name, value in given if value}


def dry_run(values: Sequence[str], kind: str) -> bool:
    """Whether `dryRun` values ask for a dry run; raises Invalid for a value other than All."""
    for value in values:
        if value != "All":
            raise option_errors.invalid(kind, [cause.not_supported("dryRun", value, ("All",))])
    return bool(values)


def _field_validation(request: Request, kind: str) -> str:
    level = request.param("fieldValidation") or WARN
    if level not in _LEVELS:
        raise option_errors.invalid(kind, [cause.not_supported("fieldValidation", level, _LEVELS)])
    return level


def _field_manager(request: Request, kind: str) -> str:
    manager = request.param("fieldManager")
    if len(manager) > _MAX_MANAGER:
        raise option_errors.invalid(kind, [cause.too_long("fieldManager", _MAX_MANAGER)])
    if not manager.isprintable():
        text = "should only contain printable characters"
        raise option_errors.invalid(kind, [cause.invalid("fieldManager", manager, text)])
    return manager
