"""The errors of etcd's v2 API: number, message, cause, index, and the HTTP status of each.

Source: etcd 2.0, Documentation/errorcode.md.
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """What went wrong, by etcd's numbers."""

    KEY_NOT_FOUND = 100
    TEST_FAILED = 101
    NOT_FILE = 102
    NOT_DIR = 104
    NODE_EXIST = 105
    ROOT_READ_ONLY = 107
    DIR_NOT_EMPTY = 108
    PREV_VALUE_REQUIRED = 201
    TTL_NAN = 202
    INDEX_NAN = 203
    INVALID_FIELD = 209
    INVALID_FORM = 210
    REFRESH_VALUE = 211
    REFRESH_TTL_REQUIRED = 212
    RAFT_INTERNAL = 300
    EVENT_INDEX_CLEARED = 401


_MESSAGES = {
    Code.KEY_NOT_FOUND: "Key not found",
    Code.TEST_FAILED: "Compare failed",
    Code.NOT_FILE: "Not a file",
    Code.NOT_DIR: "Not a directory",
    Code.NODE_EXIST: "Key already exists",
    Code.ROOT_READ_ONLY: "Root is read only",
    Code.DIR_NOT_EMPTY: "Directory not empty",
    Code.PREV_VALUE_REQUIRED: "PrevValue is Required in POST form",
    Code.TTL_NAN: "The given TTL in POST form is not a number",
    Code.INDEX_NAN: "The given index in POST form is not a number",
    Code.INVALID_FIELD: "Invalid field",
    Code.INVALID_FORM: "Invalid POST form",
    Code.REFRESH_VALUE: "Value provided on refresh",
    Code.REFRESH_TTL_REQUIRED: "A TTL must be provided on refresh",
    Code.RAFT_INTERNAL: "Raft Internal Error",
    Code.EVENT_INDEX_CLEARED: "The event in requested index is outdated and cleared",
}
_STATUSES = {
    Code.KEY_NOT_FOUND: 404,
    Code.TEST_FAILED: 412,
    Code.NOT_FILE: 403,
    Code.NODE_EXIST: 412,
    Code.DIR_NOT_EMPTY: 403,
    Code.RAFT_INTERNAL: 500,
}


class Refused(Exception):
    """A request that etcd's v2 API answers with an error.

    Args:
        cause: which key or field it was about.
        index: the store's index when it was refused; 0 for requests that make no sense at any.
    """

    def __init__(self, code: Code, cause: str, index: int = 0) -> None:
        super().__init__(f"{_MESSAGES[code]} ({cause})")
        self.code = code
        self.cause = cause
        self.index = index

    @property
    def message(self) -> str:
        """etcd's text for the code."""
        return _MESSAGES[self.code]

    @property
    def status(self) -> int:
        """The HTTP status it is answered with."""
        return _STATUSES.get(self.code, 400)
