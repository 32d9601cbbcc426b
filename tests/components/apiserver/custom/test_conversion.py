"""Versions that convert by a webhook: a real HTTPS server, and what the API server says of bad answers."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from hyperpy.api import errors
from hyperpy.components.apiserver.credentials import certificates

Obj = dict[str, Any]
V1 = "/apis/example.com/v1/namespaces/default/widgets"
V2 = "/apis/example.com/v2/namespaces/default/widgets"
SUBJECT = "conversion webhook for example.com/v1, Kind=Widget"
ANY: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
MERGE = {"content_type": "application/merge-patch+json"}


@dataclass
class Hook:
    """A conversion webhook: `size` of v1 is `large` of v2. `spoil` changes an answer before it is sent."""

    url: str = ""
    trusted: str = ""
    asked: list[Obj] = field(default_factory=list)
    spoil: Callable[[Obj], Any] = lambda review: None

    async def answer(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.asked.append(review)
        wanted = review["request"]["desiredAPIVersion"]
        converted = [turned(obj, wanted) for obj in review["request"]["objects"]]
        response = {"uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": converted}
        answer = {"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response}
        self.spoil(answer)
        return web.json_response(answer)

    def conversion(self, **webhook: Any) -> Obj:
        """What a definition says to use it."""
        config = {"url": self.url, "caBundle": self.trusted}
        return {
            "strategy": "Webhook",
            "webhook": {"clientConfig": config, "conversionReviewVersions": ["v2", "v1"], **webhook},
        }


def turned(obj: Obj, wanted: str) -> Obj:
    spec = obj["spec"]
    new = {"large": spec["size"] > 5} if wanted.endswith("v2") else {"size": 9 if spec["large"] else 1}
    return {**obj, "apiVersion": wanted, "spec": new}


@pytest.fixture
async def hook(tmp_path: Any) -> AsyncIterator[Hook]:
    authority = certificates.make_authority("test", now=time.time(), lifetime_s=3600)
    leaf = certificates.issue(
        certificates.Request("webhook", hosts=("127.0.0.1",)),
        authority_cert=authority.certificate, authority_key=authority.key, now=time.time(), lifetime_s=3600,
    )  # fmt: skip
    (tmp_path / "cert").write_bytes(leaf.certificate)
    (tmp_path / "key").write_bytes(leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    found = Hook(trusted=base64.b64encode(authority.certificate).decode())
    app = web.Application()
    app.router.add_post("/convert", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    found.url = f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/convert"  # type: ignore[attr-defined]
    yield found
    await runner.cleanup()


@pytest.fixture
async def served(cluster: Any, crds: Any, hook: Hook) -> Any:
    """Widgets in v1, in which they are stored, and v2."""
    versions = [crds.version(schema=ANY), crds.version("v2", storage=False, schema=ANY)]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions, conversion=hook.conversion()))
    return cluster


async def test_objects_are_read_and_written_in_every_version(served: Any, crds: Any, hook: Hook) -> None:
    await served.json("POST", V1, crds.widget("small"))
    big = crds.widget("big", api_version="example.com/v2")
    big["spec"] = {"large": True}
    assert (await served.json("POST", V2, big))["spec"] == {"large": True}
    assert (await served.json("GET", f"{V1}/big"))["spec"] == {"size": 9}
    got = await served.json("GET", f"{V2}/small")
    assert (got["apiVersion"], got["spec"]) == ("example.com/v2", {"large": False})
    hook.asked.clear()
    items = (await served.json("GET", V2))["items"]
    assert [item["spec"] for item in items] == [{"large": True}, {"large": False}]
    assert len(hook.asked) == 1
    assert hook.asked[0]["apiVersion"] == "apiextensions.k8s.io/v1"
    await served.json("PATCH", f"{V2}/small", {"spec": {"large": True}}, **MERGE)
    assert (await served.json("GET", f"{V1}/small"))["spec"] == {"size": 9}


async def test_watches_show_their_version(served: Any, crds: Any) -> None:
    lines = await served.lines(f"{V2}?watch=1&resourceVersion=1")
    await served.json("POST", V1, crds.widget())
    event = await lines.next()
    assert (event["type"], event["object"]["apiVersion"], event["object"]["spec"]) == (
        "ADDED", "example.com/v2", {"large": False},
    )  # fmt: skip
    await lines.aclose()


async def test_labels_may_be_converted_and_nothing_else_of_the_metadata(served: Any, crds: Any, hook: Hook) -> None:
    await served.json("POST", V1, crds.widget())

    def spoil(review: Obj) -> None:
        for obj in review["response"]["convertedObjects"]:
            obj["metadata"] = {**obj["metadata"], "labels": {"a": "b"}, "generation": 7, "finalizers": ["x/y"]}

    hook.spoil = spoil
    own = (await served.json("GET", f"{V2}/one"))["metadata"]
    assert (own["labels"], own["generation"], "finalizers" in own) == ({"a": "b"}, 1, False)


def fail(review: Obj) -> None:
    review["response"]["result"] = {"status": "Failure", "message": "cannot"}


def first(**changes: Any) -> Callable[[Obj], None]:
    return lambda review: review["response"]["convertedObjects"][0].update(changes)


def renamed(**changes: Any) -> Callable[[Obj], None]:
    return lambda review: review["response"]["convertedObjects"][0]["metadata"].update(changes)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (fail, "failed: cannot"),
        (lambda review: review["response"].update(uid="other"), 'failed: expected response.uid="'),
        (lambda review: review.pop("response"), "failed: no response provided"),
        (
            lambda review: review.update(kind="Odd"),
            "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s"
            ".io/v1, Kind=Odd",
        ),
        (lambda review: review["response"].update(convertedObjects=[]), "returned 0 objects, expected 1"),
        (
            first(apiVersion="example.com/v9"),
            "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received ",
        ),
        (first(kind="Odd"), "returned invalid object at index 0: invalid kind (expected Widget, received Odd)"),
        (renamed(uid="x"), "returned invalid object: must have the same UID: "),
        (renamed(name="x"), "returned invalid object: must have the same name: one != x"),
        (
            renamed(labels={"a": 1}),
            "returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object",
        ),
        (renamed(labels={"-": ""}), 'returned invalid metadata: metadata.labels: Invalid value: "-": name part must'),
    ],
    ids=["it says no", "another uid", "no response", "another kind of answer", "too few", "another version",
         "another kind", "another object", "another name", "a label that is no text", "a bad label"],
)  # fmt: skip
async def test_a_bad_answer_is_told(served: Any, crds: Any, hook: Hook, spoil: Any, text: str) -> None:
    await served.json("POST", V1, crds.widget())
    hook.spoil = spoil
    with pytest.raises(errors.StatusError) as refused:
        await served.json("GET", f"{V2}/one")
    assert str(refused.value).startswith(f"{SUBJECT} {text}")
    assert refused.value.code == 500


async def test_a_webhook_that_is_away_is_told(cluster: Any, crds: Any, hook: Hook) -> None:
    versions = [crds.version(schema=ANY), crds.version("v2", storage=False, schema=ANY)]
    config = {"service": {"namespace": "default", "name": "nothing"}}
    conversion = hook.conversion(clientConfig=config)
    made = await cluster.json("POST", crds.CRDS, crds.definition(versions=versions, conversion=conversion))
    assert made["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["port"] == 443
    await cluster.json("POST", V1, crds.widget())
    with pytest.raises(errors.StatusError, match=f'{SUBJECT} failed: service "nothing" not found'):
        await cluster.json("GET", f"{V2}/one")
    assert (await cluster.json("GET", f"{V1}/one"))["spec"] == {"size": 3}


async def test_a_definition_goes_although_its_objects_are_of_another_version(served: Any, crds: Any) -> None:
    big = crds.widget(api_version="example.com/v2")
    big["spec"] = {"large": True}
    await served.json("POST", V2, big)
    await served.json("DELETE", f"{V2}/one")
    with pytest.raises(errors.NotFound):
        await served.json("GET", f"{V1}/one")


async def test_the_answer_to_a_write_is_what_the_storage_version_kept(cluster: Any, crds: Any) -> None:
    kept = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    versions = [crds.version(schema=kept), crds.version("v2", storage=False, schema=ANY)]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    made = await cluster.json("POST", V2, crds.widget(api_version="example.com/v2", lost=1))
    assert (made["apiVersion"], made["spec"]) == ("example.com/v2", {"size": 3})
    changed = await cluster.json("PATCH", f"{V2}/one", {"spec": {"size": 4, "lost": 1}}, **MERGE)
    assert changed["spec"] == {"size": 4}
