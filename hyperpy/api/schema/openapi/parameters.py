"""Query and path parameters of the operations, as the API server reads them."""

from __future__ import annotations

from typing import Any

Parameter = dict[str, Any]


def _query(name: str, kind: str, description: str) -> Parameter:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": kind, "uniqueItems": True},
    }


def in_path(name: str, description: str) -> Parameter:
    """A required part of the path."""
    return {
        "name": name,
        "in": "path",
        "description": description,
        "required": True,
        "schema": {"type": "string", "uniqueItems": True},
    }


_DRY_RUN = _query(
    "dryRun", "string", "`All`: go through every stage of the request but keep nothing. Other values are refused."
)
_FIELD_MANAGER = _query(
    "fieldManager", "string", "A name of at most 128 printable characters for the actor that makes the change."
)
_FIELD_VALIDATION = _query(
    "fieldValidation",
    "string",
    "What to do about unknown and duplicate fields: `Ignore` drops them, `Warn` (the default) also answers with a "
    "warning for each, `Strict` refuses the request and names all of them.",
)
WRITE = (_DRY_RUN, _FIELD_MANAGER, _FIELD_VALIDATION)
PATCH = (
    *WRITE,
    _query("force", "boolean", "An apply takes fields that others own. Other patches must not say it."),
)

DELETE = (
    _DRY_RUN,
    _query("gracePeriodSeconds", "integer", "Seconds until the object goes; zero means at once."),
    _query("orphanDependents", "boolean", "Deprecated: say `propagationPolicy` instead."),
    _query("propagationPolicy", "string", "What becomes of dependents: `Orphan`, `Background` or `Foreground`."),
)

LIST = (
    _query("labelSelector", "string", "Only objects whose labels match."),
    _query("fieldSelector", "string", "Only objects whose fields match."),
    _query("limit", "integer", "At most so many objects; the rest is read on with `continue`."),
    _query("continue", "string", "The token of the list's last page: where to read on."),
    _query("resourceVersion", "string", "How recent the answer must be."),
    _query("resourceVersionMatch", "string", "How `resourceVersion` is meant: `Exact` or `NotOlderThan`."),
    _query("timeoutSeconds", "integer", "End a watch after so many seconds."),
)

WATCH = (
    _query("watch", "boolean", "Answer with a stream of the changes after `resourceVersion`."),
    _query("allowWatchBookmarks", "boolean", "Also send BOOKMARK events, which tell how far the stream has come."),
    _query("sendInitialEvents", "boolean", "Begin the stream with the objects as they are, then a bookmark."),
)

LOG = (
    _query("container", "string", "Which container; may be left out when the pod has one."),
    _query("follow", "boolean", "Go on with what is written from now on."),
    _query("previous", "boolean", "The log of the container before its last restart."),
    _query("sinceSeconds", "integer", "Only lines of the last so many seconds."),
    _query("sinceTime", "string", "Only lines from that time (RFC 3339) on."),
    _query("timestamps", "boolean", "Begin every line with its time."),
    _query("tailLines", "integer", "Only so many lines from the end."),
    _query("limitBytes", "integer", "At most so many bytes."),
)

EXEC = (
    _query("command", "string", "The program and its arguments, one parameter each."),
    _query("container", "string", "Which container; may be left out when the pod has one."),
    _query("stdin", "boolean", "Open standard input."),
    _query("stdout", "boolean", "Open standard output."),
    _query("stderr", "boolean", "Open standard error."),
    _query("tty", "boolean", "Give the program a terminal."),
)
ATTACH = EXEC[1:]
PORT_FORWARD = (_query("ports", "integer", "The ports to forward, separated by commas."),)
PROXY = (_query("path", "string", "The path on the target."),)
