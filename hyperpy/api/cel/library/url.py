"""URLs: url, isURL, getScheme, getHost, getHostname, getPort, getEscapedPath, getQuery."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.types import Type

URL = Type("kubernetes.URL")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?")


def problem(text: str) -> str:
    """What keeps a text from being an absolute URL or path, in the words of Go's parser; empty when it is one."""
    if not text:
        return f"parse {_quoted(text)}: empty url"
    if any(char < " " or char == "\x7f" for char in text):
        return f"parse {_quoted(text)}: net/url: invalid control character in URL"
    bad = _BAD_ESCAPE.search(text.partition("?")[0])
    if bad:
        return f"parse {_quoted(text)}: invalid URL escape {_quoted(text[bad.start() : bad.start() + 3])}"
    if not text.startswith("/") and not _SCHEME.match(text):
        return f"parse {_quoted(text)}: invalid URI for request"
    try:
        host = urlsplit(text).netloc.rpartition("@")[2]
    except ValueError as error:
        return f"parse {_quoted(text)}: {error}"
    if not _PORT.fullmatch(host):
        return f"parse {_quoted(text)}: invalid port {_quoted(host[host.rfind(':') :])} after host"
    return f'parse {_quoted(text)}: invalid character " " in host name' if " " in host else ""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _url(text: str) -> dict[str, str]:
    wrong = problem(text)
    if wrong:
        raise ValueError(f"URL parse error during conversion from string: {wrong}")
    return {TYPE: URL.name, "url": text}


def _host(url: dict[str, str]) -> str:
    return urlsplit(url["url"]).netloc.rpartition("@")[2]


def _hostname(url: dict[str, str]) -> str:
    found = _PORT.fullmatch(_host(url))
    return found[1].removeprefix("[").removesuffix("]") if found else ""


def _port(url: dict[str, str]) -> str:
    found = _PORT.fullmatch(_host(url))
    return (found[2] or "").removeprefix(":") if found else ""


def _path(url: dict[str, str]) -> str:
    return quote(urlsplit(url["url"]).path, safe="%/!$&'()*+,;=:@-._~[]")


def _query(url: dict[str, str]) -> dict[str, Any]:
    return parse_qs(urlsplit(url["url"]).query, keep_blank_values=True)


_STRING = types.STRING
OVERLOADS = (
    Overload("url", "string_to_url", (_STRING,), URL, _url, member=False),
    Overload("isURL", "is_url_string", (_STRING,), types.BOOL, lambda text: not problem(text), member=False),
    Overload("getScheme", "url_get_scheme", (URL,), _STRING, lambda url: urlsplit(url["url"]).scheme),
    Overload("getHost", "url_get_host", (URL,), _STRING, _host),
    Overload("getHostname", "url_get_hostname", (URL,), _STRING, _hostname),
    Overload("getPort", "url_get_port", (URL,), _STRING, _port),
    Overload("getEscapedPath", "url_get_escaped_path", (URL,), _STRING, _path),
    Overload("getQuery", "url_get_query", (URL,), types.map_of(types.list_of(_STRING)), _query),
)
