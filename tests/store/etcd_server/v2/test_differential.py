"""The same requests to Debian's etcd 3.4 (which still has the v2 API) and to our server: the same answers.

Indexes are compared as distances from where each server began; ids, Raft's numbers and the microseconds of an end are
left out. Where 3.4 itself errs, the request is not asked: see `test_keyspace` for what we do there.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.etcd_server.v2.process import running_hyperpy
from store.real_etcd import running_etcd

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NEWEST = "newest"  # stands for the newest index of each server
_HEADERS = ("Content-Type", "Allow", "Location")


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str = ""
    body: str | None = None


class Server:
    """One connection to a server, and the index that it began with."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
        self._newest = 0
        self._begin = 0
        self._settle()

    def close(self) -> None:
        self._connection.close()

    def __call__(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body, comparable."""
        status, headers, body = self._ask(asked)
        shown = {name: headers[name] for name in _HEADERS if name in headers}
        shown["names"] = " ".join(sorted(name for name in headers if name.startswith("X-Etcd") or "Raft" in name))
        if int(headers.get("X-Etcd-Index", 0)):
            shown["index"] = str(int(headers["X-Etcd-Index"]) - self._begin)
        return status, shown, self._relative(json.loads(body)) if body.startswith(b"{") else body

    def events(self) -> list[Any]:
        """What a client is told that waits for each change since `clear`, above all and where it happened."""
        found = []
        for index in range(self._begin + 1, self._newest + 1):
            query = f"wait=true&recursive=true&waitIndex={index}"
            event = json.loads(self._ask(Asked("GET", "/", query))[2])
            found += [event, json.loads(self._ask(Asked("GET", event["node"]["key"], query))[2])]
        return [self._relative(event) for event in found]

    def _settle(self) -> None:
        """Wait until a new etcd has written the cluster's version into its v2 tree, which takes an index."""
        decided = b""
        while not decided or b"not_decided" in decided:
            self._connection.request("GET", "/version")
            decided = self._connection.getresponse().read()

    def clear(self) -> None:
        """Take away all there is; from here indexes are counted."""
        root = json.loads(self._ask(Asked("GET", "/"))[2])["node"]
        for key in ("/_h", *(node["key"] for node in root.get("nodes", ()))):
            self._ask(Asked("DELETE", key, "recursive=true"))
        self._ask(Asked("GET", "/"))
        self._begin = self._newest

    def _ask(self, asked: Asked) -> tuple[int, http.client.HTTPMessage, bytes]:
        query, body = (text and text.replace(_NEWEST, str(self._newest)) for text in (asked.query, asked.body))
        target = "/v2/keys" + quote(asked.path) + (f"?{query}" if query else "")
        self._connection.request(asked.method, target, body, _FORM if body is not None else {})
        response = self._connection.getresponse()
        self._newest = int(response.headers.get("X-Etcd-Index", 0)) or self._newest
        return response.status, response.headers, response.read()

    def _relative(self, content: Any, name: str = "") -> Any:
        if isinstance(content, dict):
            return {key: self._relative(value, key) for key, value in content.items()}
        if isinstance(content, list):
            return sorted((self._relative(value) for value in content), key=lambda node: node["key"])
        if name in ("modifiedIndex", "createdIndex", "index") and content:
            return content - self._begin
        if name in ("key", "cause"):  # in-order keys, and the indexes of failed comparisons
            content = re.sub(r"\d{20}", lambda found: f"#{int(found[0]) - self._begin}", content)
            return re.sub(r"\[\d+ != \d+]$", self._relative_pair, content)
        if name == "ttl" and 900 < content <= 1000:  # the two clocks tick apart
            return "about 1000"
        return "some time" if name == "expiration" else content

    def _relative_pair(self, found: re.Match[str]) -> str:
        return " ".join(f"#{int(number) - self._begin}" for number in re.findall(r"\d+", found[0]))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    directory: Path = tmp_path_factory.mktemp("both")
    with (
        running_etcd(directory / "etcd", extra=("--enable-v2=true",)) as theirs,
        running_hyperpy(directory / "ours") as ours,
    ):
        pair = Server(theirs), Server(ours)
        yield pair
        for server in pair:
            server.close()


_names = st.sampled_from(["a", "b", "_h"])
_paths = st.lists(_names, min_size=0, max_size=3).map(lambda parts: "/" + "/".join(parts))
_values = st.sampled_from(["", "1", "2", "ü <&>"])
_flags = st.sampled_from(["true", "false"])
_fields: dict[str, st.SearchStrategy[str]] = {
    "value": _values,
    "dir": _flags,
    "recursive": _flags,
    "sorted": st.just("true"),
    "quorum": _flags,
    "prevExist": _flags,
    "prevValue": st.sampled_from(["1", "2", ""]),
    "prevIndex": st.sampled_from([_NEWEST, _NEWEST, "0", "1", "-1", "x", "18446744073709551616"]),
    "ttl": st.sampled_from(["", "1000", "-1", "x", "1.5"]),
    "refresh": _flags,
    "noValueOnSuccess": _flags,
}


def _tells_of_itself(asked: Asked) -> bool:
    """Is every change that a request makes told to those that wait above it?"""
    return "refresh" not in f"{asked.query}{asked.body}" and "_h" not in asked.path


@st.composite
def _requests(draw: st.DrawFn) -> Asked:
    method = draw(st.sampled_from(["GET", "PUT", "PUT", "PUT", "POST", "DELETE", "HEAD"]))
    likely = {"PUT": ["value", "dir", "prevExist", "prevValue", "ttl"], "DELETE": ["dir", "recursive"]}
    names = draw(st.lists(st.sampled_from(likely.get(method, []) * 3 + list(_fields)), max_size=4, unique=True))
    text = urlencode({name: draw(_fields[name]) for name in names})
    in_body = method in ("PUT", "POST") and draw(st.booleans())
    return Asked(method, draw(_paths), *(("", text) if in_body else (text, None)))


@settings(max_examples=30)
@given(asked=st.lists(_requests().filter(_tells_of_itself), min_size=5, max_size=15))
def test_any_sequence_of_changes_is_told_the_same_way(servers: tuple[Server, Server], asked: list[Asked]) -> None:
    for server in servers:
        server.clear()
        for request in asked:
            server(request)
    theirs, ours = (server.events() for server in servers)
    assert ours == theirs


@settings(max_examples=60)
@given(asked=st.lists(_requests(), min_size=5, max_size=15))
def test_any_sequence_of_requests_gets_the_same_answers(servers: tuple[Server, Server], asked: list[Asked]) -> None:
    for server in servers:
        server.clear()
    for request in asked:
        theirs, ours = (server(request) for server in servers)
        assert ours == theirs, request
