"""A real webhook: an HTTPS server whose answers a test decides."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.apiserver.credentials.certificates import KeyPair

Obj = dict[str, Any]

#: The name that a Service called `hook` in `default` is checked against.
SERVICE_HOST = "hook.default.svc"


@dataclass
class Authority:
    """A certificate authority, made once; `trusted` is its certificate as `caBundle` has it."""

    pair: KeyPair

    @property
    def trusted(self) -> str:
        return base64.b64encode(self.pair.certificate).decode()

    def context(self, directory: Path, *hosts: str) -> ssl.SSLContext:
        """What a server for these hosts needs."""
        wanted = certificates.Request("webhook", hosts=hosts)
        leaf = certificates.issue(
            wanted,
            authority_cert=self.pair.certificate,
            authority_key=self.pair.key,
            now=time.time(),
            lifetime_s=3600,
        )
        cert, key = directory / "cert.pem", directory / "key.pem"
        cert.write_bytes(leaf.certificate)
        key.write_bytes(leaf.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context


@dataclass
class WebhookServer:
    """Answers by path: `answers[path]` makes the response of a request; a path without an answer allows."""

    port: int
    authority: Authority
    answers: dict[str, Callable[[Obj], Any]] = field(default_factory=dict)
    calls: list[tuple[str, Obj]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    def config(self, path: str = "/") -> Obj:
        """A client configuration by URL."""
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.authority.trusted}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        review = await request.json()
        self.calls.append((request.path, review["request"]))
        self.queries.append(request.query_string)
        self.hosts.append(request.headers["Host"])
        make = self.answers.get(request.path)
        response: Any = make(review["request"]) if make is not None else {"allowed": True}
        if hasattr(response, "__await__"):
            response = await response
        if isinstance(response, web.StreamResponse):
            return response
        return web.json_response(
            {
                "apiVersion": review["apiVersion"],
                "kind": "AdmissionReview",
                "response": {"uid": review["request"]["uid"], **response},
            }
        )


def patched(*operations: Obj, **more: Any) -> Obj:
    """A response that changes the object."""
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": patch, **more}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority(certificates.make_authority("webhooks", now=time.time(), lifetime_s=7200))


@pytest.fixture
async def webhook_server(authority: Authority, tmp_path: Path) -> AsyncIterator[WebhookServer]:
    server = WebhookServer(0, authority)
    app = web.Application()
    app.router.add_post("/{tail:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(
        runner, "127.0.0.1", 0, ssl_context=authority.context(tmp_path, "127.0.0.1", SERVICE_HOST, "localhost")
    )
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest.fixture
def make_patch() -> Any:
    return patched


RULE = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["configmaps"], "operations": ["*"]}


@pytest.fixture
def make_hook(webhook_server: WebhookServer) -> Any:
    """A webhook that is asked about ConfigMaps at a path of the server."""

    def make(name: str = "a", path: str | None = None, **changes: Any) -> Obj:
        return {
            "name": f"{name}.example.com",
            "clientConfig": webhook_server.config(path or f"/{name}"),
            "rules": [RULE],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **changes,
        }

    return make


@pytest.fixture
def configure(cluster: Any) -> Any:
    """Creates a configuration: `await configure("validating", hook, ...)`."""
    base = "/apis/admissionregistration.k8s.io/v1"

    async def create(sort: str, *hooks: Obj, name: str = "test") -> Obj:
        body = {"metadata": {"name": name}, "webhooks": list(hooks)}
        return await cluster.json("POST", f"{base}/{sort}webhookconfigurations", body)

    return create
