"""Options of list and watch as the query gives them, with Kubernetes' rules on which may stand together.

Source: API concepts, "Resource versions" (the tables of resourceVersion and resourceVersionMatch), and
`ValidateListOptions` of apimachinery for the texts.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.api import errors
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.content import option_errors

EXACT = "Exact"
NOT_OLDER_THAN = "NotOlderThan"


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or watch asks for. `revision` is None for "the newest" and 0 for "any"; `timeout_s` None: the
    server's choice; `send_initial_events` None: as the resourceVersion says."""

    revision: int | None = None
    match: str = ""
    limit: int = 0
    continue_token: str = ""
    bookmarks: bool = False
    timeout_s: int | None = None
    send_initial_events: bool | None = None

    @property
    def exact(self) -> bool:
        """Whether a list must come from exactly `revision`: asked for, or a first page at a given version."""
        return bool(self.revision) and (self.match == EXACT or (self.limit > 0 and not self.match))


def parse(request: Request, *, watch: bool) -> ListOptions:
    """Read the options of a list or watch.

    Raises:
        BadRequest: a value does not parse.
        Invalid: values that may not stand together.
    """
    options = ListOptions(
        revision=_revision(request.param("resourceVersion")),
        match=request.param("resourceVersionMatch"),
        limit=_integer(request, "limit") or 0,
        continue_token=request.param("continue"),
        bookmarks=request.flag("allowWatchBookmarks"),
        timeout_s=_integer(request, "timeoutSeconds"),
        send_initial_events=request.flag("sendInitialEvents") if "sendInitialEvents" in request.query else None,
    )
    problems = _watch_problems(options) if watch else _list_problems(options)
    if problems:
        raise option_errors.invalid("ListOptions", problems)
    return options


def _revision(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise errors.BadRequest(f'Invalid value: "{text}": resourceVersion must be a number that the server gave out')
    return int(text)


def _integer(request: Request, name: str) -> int | None:
    text = request.param(name)
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        raise errors.BadRequest(f'strconv.ParseInt: parsing "{text}": {name} must be a whole number') from None
    if value < 0:
        raise errors.BadRequest(f"{name} must not be negative, got {value}")
    return value


def _list_problems(options: ListOptions) -> list[Cause]:
    if options.continue_token and options.revision:
        raise errors.BadRequest("specifying resource version is not allowed when using continue")
    problems = _match_problems(options) if options.match else []
    if options.send_initial_events is not None:
        problems.append(cause.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return problems


def _match_problems(options: ListOptions) -> list[Cause]:
    field = "resourceVersionMatch"
    problems = []
    if options.revision is None:
        problems.append(cause.forbidden(field, f"{field} is forbidden unless resourceVersion is provided"))
    if options.continue_token:
        problems.append(cause.forbidden(field, f"{field} is forbidden when continue is provided"))
    if options.match not in (EXACT, NOT_OLDER_THAN):
        problems.append(cause.not_supported(field, options.match, (EXACT, NOT_OLDER_THAN)))
    if options.match == EXACT and options.revision == 0:
        problems.append(cause.forbidden(field, f'{field} "Exact" is forbidden for resourceVersion "0"'))
    return problems


def _watch_problems(options: ListOptions) -> list[Cause]:
    field = "resourceVersionMatch"
    if options.send_initial_events is None:
        if options.match:
            return [cause.forbidden(field, f"{field} is forbidden for watch unless sendInitialEvents is provided")]
        return []
    problems = []
    if options.match != NOT_OLDER_THAN:
        text = f'sendInitialEvents requires setting {field} to "NotOlderThan"'
        problems.append(cause.forbidden(field, text))
    if options.send_initial_events and not options.bookmarks:
        text = "sendInitialEvents is forbidden unless allowWatchBookmarks is true"
        problems.append(cause.forbidden("sendInitialEvents", text))
    return problems
