"""From an HTTP request on /v2/keys to what it asks: path, form and query, with etcd's errors for what is malformed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from hyperpy.store.etcd_server.v2.errors import Code, Refused

Form = Mapping[str, Sequence[str]]

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_FORM_TYPE = "application/x-www-form-urlencoded"
_MAX_PARTS = 256
_MAX_INT64 = (1 << 63) - 1
_MAX_UINT64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class KeysRequest:
    """One request on the key space.

    Args:
        path: absolute and clean; "/" is the root.
        value: what to write; empty when none was given.
        expires: when the node is to go, in nanoseconds of the wall clock; None: never.
        prev_value: empty: not compared.
        prev_index: 0: not compared.
        prev_exist: None: either.
        wait_index: 0: from now on.
    """

    method: str
    path: str
    value: str = ""
    dir: bool = False
    expires: int | None = None
    prev_value: str = ""
    prev_index: int = 0
    prev_exist: bool | None = None
    refresh: bool = False
    recursive: bool = False
    wait: bool = False
    stream: bool = False
    wait_index: int = 0
    no_value_on_success: bool = False


def takes_form(method: str, content_type: str) -> bool:
    """Is the body of such a request a form that counts? etcd reads none of DELETE, and no multipart."""
    return method in _BODY_METHODS and content_type.partition(";")[0].strip().lower() == _FORM_TYPE


def clean(path: str) -> str:
    """A path without empty, `.` and `..` parts; it begins with one slash and ends with none."""
    return posixpath.normpath("/" + path.lstrip("/"))


def parse_form(*texts: str) -> dict[str, list[str]]:
    """Fields of urlencoded texts; those of earlier texts come first. Raises Refused."""
    fields: dict[str, list[str]] = {}
    for text in texts:
        for pair in filter(None, text.split("&")):
            if ";" in pair:
                raise Refused(Code.INVALID_FORM, "invalid semicolon separator in query")
            if "%" in pair and (bad := _BAD_ESCAPE.search(pair)):
                raise Refused(Code.INVALID_FORM, f'invalid URL escape "{bad[0]}"')
            name, _, value = pair.partition("=")
            fields.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return fields


def parse(method: str, path: str, form: Form, *, now: int) -> KeysRequest:
    """Understand a request.

    Args:
        path: what follows /v2/keys, percent signs resolved.
        now: nanoseconds of the wall clock, where a TTL begins.
    Raises:
        Refused: a field has a value that it cannot have, or the path is too deep: each of its parts may become a node.
    """
    path = clean(path)
    if path.count("/") > _MAX_PARTS:
        raise Refused(Code.INVALID_FIELD, f"a key has {_MAX_PARTS} parts at most")
    prev_index = _index(form, "prevIndex")
    wait_index = _index(form, "waitIndex")
    flags = {name: _flag(form, name) for name in ("recursive", "sorted", "wait", "dir", "quorum", "stream")}
    if flags["wait"] and method != "GET":
        raise Refused(Code.INVALID_FIELD, '"wait" can only be used with GET requests')
    prev_value = _first(form, "prevValue")
    if "prevValue" in form and not prev_value:
        raise Refused(Code.PREV_VALUE_REQUIRED, '"prevValue" cannot be empty')
    no_value = _flag(form, "noValueOnSuccess")
    expires = _expires(form, now)
    prev_exist = _flag(form, "prevExist", quoted=False) if "prevExist" in form else None
    # `sorted` and `quorum` ask for what every answer is: in order, and of the newest state.
    return KeysRequest(
        method=method,
        path=path,
        value=_first(form, "value"),
        dir=flags["dir"],
        expires=expires,
        prev_value=prev_value,
        prev_index=prev_index,
        prev_exist=prev_exist,
        refresh=_refresh(form, expires),
        recursive=flags["recursive"],
        wait=flags["wait"],
        stream=flags["stream"],
        wait_index=wait_index,
        no_value_on_success=no_value,
    )


def _first(form: Form, name: str) -> str:
    return form[name][0] if name in form else ""


def _number(form: Form, name: str) -> int | None:
    """A field's number, 0 without the field; None when it is no unsigned number of 64 bits."""
    if name not in form:
        return 0
    text = form[name][0]
    number = int(text) if _DIGITS.fullmatch(text) else None
    return number if number is None or number <= _MAX_UINT64 else None


def _index(form: Form, name: str) -> int:
    number = _number(form, name)
    if number is None:
        raise Refused(Code.INDEX_NAN, f'invalid value for "{name}"')
    return number


def _flag(form: Form, name: str, *, quoted: bool = True) -> bool:
    if name not in form:
        return False
    text = form[name][0]
    if text not in _TRUE and text not in _FALSE:
        raise Refused(Code.INVALID_FIELD, f"invalid value for {name!r}".replace("'", '"' if quoted else ""))
    return text in _TRUE


def _expires(form: Form, now: int) -> int | None:
    """When a TTL is over; an empty one is none. One that ends after the year 2262 is no number to this clock."""
    if not _first(form, "ttl"):
        return None
    seconds = _number(form, "ttl")
    if seconds is None or now + seconds * 1_000_000_000 > _MAX_INT64:
        raise Refused(Code.TTL_NAN, 'invalid value for "ttl"')
    return now + seconds * 1_000_000_000


def _refresh(form: Form, expires: int | None) -> bool:
    if "refresh" not in form or not _flag(form, "refresh", quoted=False):
        return False
    if _first(form, "value"):
        raise Refused(Code.REFRESH_VALUE, "A value was provided on a refresh")
    if expires is None:
        raise Refused(Code.REFRESH_TTL_REQUIRED, "No TTL value set")
    return True
