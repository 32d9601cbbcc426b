"""A small HTTP server for tests of the synchronous client: answers from a table, remembers what it was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self):
        return orjson.loads(self.body)


@dataclass
class Answer:
    """One answer; `lines` are sent as a chunked stream instead of a body."""

    body: object = None
    status: int = 200
    lines: list[bytes] | None = None
    close: bool = False


@dataclass
class Server:
    """Answers by (method, path); a list gives its items one after another and repeats the last."""

    url: str = ""
    answers: dict[tuple[str, str], Answer | list[Answer] | Callable[[Asked], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: Answer | dict | Callable[[Asked], Answer]) -> None:
        prepared = [item if isinstance(item, Answer) or callable(item) else Answer(item) for item in answers]
        self.answers[method, path] = prepared[0] if callable(prepared[0]) else prepared

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        found = self.answers.get((asked.method, asked.path))
        if found is None:
            name = asked.path.rsplit("/", 1)[-1]
            status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            return Answer({**status, "message": f'"{name}" not found'}, 404)
        if callable(found):
            return found(asked)
        return found.pop(0) if len(found) > 1 else found[0]

    def bodies(self, method: str) -> list[object]:
        return [asked.json() for asked in self.asked if asked.method == method]


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A running server on a free port of the loopback interface."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(
                Asked(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body)
            )
            if answer.lines is not None:
                self._stream(answer.lines)
                return
            data = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = answer.close

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _stream(self, lines: list[bytes]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in lines:
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
