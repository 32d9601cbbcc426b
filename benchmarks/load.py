"""Load on an HTTPS server: keep-alive connections that ask one kind of question as fast as it is answered.

wrk makes it when it is installed; else a generator on asyncio, which costs more than it measures and is only good for
ratios.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import shutil
import ssl
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_S = 30

#: The script of wrk: every request is made anew, and the figures come out as one line.
_SCRIPT = """
local count = 0
local headers = {%s}
function init(args) math.randomseed(%d) end
function request() count = count + 1; return wrk.format("%s", %s, headers, %s) end
function done(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request. In path and body `@name@` is replaced.

    Args:
        names: how many objects `p00000` and so on there are, of which one is drawn for each request; 0: every request
            has a new name.
    """

    method: str
    path: str
    body: str = ""
    content_type: str = "application/json"
    names: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of it. `errors` are answers of 400 and above."""

    per_s: float
    count: int
    errors: int
    median_ms: float
    p99_ms: float


def run(url: str, token: str, question: Question, *, connections: int, seconds: int) -> Answers:
    """Ask for `seconds` over `connections`."""
    if shutil.which("wrk"):
        return _wrk(url, token, question, connections, seconds)
    return asyncio.run(_Generator(url, token, question).run(connections, seconds))


def _wrk(url: str, token: str, question: Question, connections: int, seconds: int) -> Answers:
    name = f"string.format('{_prefix()}%d', count)"
    if question.names:
        name = f"string.format('p%05d', math.random(0, {question.names - 1}))"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": question.content_type}
    listed = ", ".join(f'["{key}"] = "{value}"' for key, value in headers.items())
    seed = random.randrange(1 << 30)
    script = _SCRIPT % (listed, seed, question.method, _lua(question.path, name), _lua(question.body, name))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            f"--timeout={_TIMEOUT_S}s",
            "-s",
            file.name,
            url,
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", said)
    if found is None:
        raise SystemExit(f"wrk said nothing that can be read:\n{said}")
    count, took_us, errors, median_us, p99_us = map(int, found.groups())
    return Answers(count / took_us * 1e6, count, errors, median_us / 1000, p99_us / 1000)


def _lua(text: str, name: str) -> str:
    """A Lua expression for a text with a name in it."""
    if not text:
        return "nil"
    return f" .. {name} .. ".join(f"[==[{part}]==]" for part in text.split("@name@"))


class _Generator:
    """The same on asyncio."""

    def __init__(self, url: str, token: str, question: Question) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname, where.port
        self._token = token
        self._question = question
        self._name = self._names()
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._waits: list[float] = []
        self._errors = 0

    async def run(self, connections: int, seconds: int) -> Answers:
        began = time.perf_counter()
        await asyncio.gather(*(self._ask(began + seconds) for _ in range(connections)))
        took = time.perf_counter() - began
        waits = sorted(self._waits)
        return Answers(
            len(waits) / took,
            len(waits),
            self._errors,
            statistics.median(waits) * 1e3,
            waits[len(waits) * 99 // 100] * 1e3,
        )

    def _names(self) -> Callable[[], str]:
        question = self._question
        if question.names:
            return lambda: f"p{random.randrange(question.names):05d}"
        numbers, prefix = itertools.count(1), _prefix()
        return lambda: f"{prefix}{next(numbers)}"

    def _request(self) -> bytes:
        question, name = self._question, self._name()
        body = question.body.replace("@name@", name).encode()
        head = (
            f"{question.method} {question.path.replace('@name@', name)} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: {question.content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _ask(self, end: float) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=1 << 20)
        while (began := time.perf_counter()) < end:
            writer.write(self._request())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0]))
            self._waits.append(time.perf_counter() - began)
            self._errors += head[9:10] in b"45"
        writer.close()


def _prefix() -> str:
    """Of names that no run had before."""
    return f"n{uuid.uuid4().hex[:8]}-"


def pod(name: str, labels: dict[str, str]) -> str:
    """A Pod of two containers, 2 KB."""
    container = {
        "command": ["/bin/app", "--flag=1", "--other=2"],
        "env": [{"name": f"E{number}", "value": "v" * 20} for number in range(8)],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    containers = [
        {**container, "name": f"c{i}", "image": f"registry.example/app:{i}", "ports": [{"containerPort": 8080 + i}]}
        for i in range(2)
    ]
    metadata = {"name": name, "labels": {"app": "bench", **labels}, "annotations": {"note": "n" * 200}}
    spec = {
        "schedulerName": "nobody",
        "containers": containers,
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
