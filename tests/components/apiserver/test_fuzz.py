"""Whatever clients send: no handler breaks, and what is stored is served the same.

Objects are made up from the schemas of every built-in kind; bodies are made up from nothing. `-m slow` tries more.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schema_objects
from components.apiserver.valid_objects import VALID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.api import errors, kinds, paths
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Pieces, Request, UserInfo
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.store.engine import memory
from hyperpy.store.engine.engine import Engine
from hyperpy.testing.clock import ManualClock

Obj = dict[str, Any]

#: Definitions and API services act on the server itself, ranges cannot be made, requests must be signed: they have
#: tests of their own.
LEFT_OUT = ("CustomResourceDefinition", "APIService", "ServiceCIDR", "CertificateSigningRequest")
STORED = [kind for kind in kinds.BUILT_IN if "update" in kind.verbs and kind.kind not in LEFT_OUT]
PATCHES = {
    "application/merge-patch+json": {"metadata": {"annotations": {"fuzz": "merge"}}},
    "application/strategic-merge-patch+json": {"metadata": {"annotations": {"fuzz": "strategic"}}},
    "application/json-patch+json": [{"op": "add", "path": "/metadata/labels", "value": {"fuzz": "json"}}],
}
APPLY = "application/apply-patch+yaml"
JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"


class World:
    """One API server core for all examples, asked from a loop of its own."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.handler: ResourceHandler
        self.store: Engine

    async def open(self) -> None:
        self.store = await memory.open_store()
        self.handler = resources.build(self.store, kinds.built_in(), CoreConfig(), ManualClock(), rng=random.Random(1))
        await bootstrap.run(self.handler)
        account = {"metadata": {"name": "default"}}
        await self.send("POST", "/api/v1/namespaces/default/serviceaccounts", orjson.dumps(account))

    async def close(self) -> None:
        await self.handler.aclose()
        await self.store.aclose()

    async def send(self, method: str, path: str, body: bytes = b"", media_type: str = JSON, **query: str) -> Obj:
        """The decoded answer, a Status when it is an error. Whatever breaks a handler is raised."""
        given = {name: (value,) for name, value in query.items()}
        headers = {"content-type": media_type}
        request = Request(method, path, given, headers, body, UserInfo("fuzz", ("system:masters",)))
        try:
            answer = await self.handler(request, paths.parse(method, path, given))
        except errors.StatusError as error:
            assert error.code < 500, error.message
            return error.status()
        assert isinstance(answer.body, bytes | Pieces)
        found: Obj = orjson.loads(bytes(answer.body))
        return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with asyncio.Runner() as runner:
        made = World(runner)
        runner.run(made.open())
        yield made
        runner.run(made.close())


def examples(count: int) -> Any:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def merged(under: Any, over: Any) -> Any:
    """`over` laid on `under`, objects member by member."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {**under, **{name: merged(under.get(name), value) for name, value in over.items()}}


def objects(kind: Kind) -> st.SearchStrategy[Obj]:
    """Objects that are good but for a few fields, so that many of them are stored."""
    base = VALID.get(f"{kind.kind}.{kind.group}" if kind.group else kind.kind, {})

    def laid_over(found: Obj, sections: set[str]) -> Obj:
        chosen = {name: value for name, value in found.items() if name in sections}
        whole: Obj = merged(base, chosen)
        name = "10.1.2.3" if kind.kind == "IPAddress" else "fuzz"
        whole["metadata"] = {"name": name, "labels": {"a": "b"}}
        return whole

    sections = ["spec", "status", "data", "rules", "subsets", "endpoints", "webhooks", "type"]
    return st.builds(laid_over, schema_objects.objects_of(kind), st.sets(st.sampled_from(sections), max_size=2))


async def life(world: World, kind: Kind, obj: Obj) -> bool:
    """An object's life; whether it was stored."""
    collection = kind.path(namespace="default" if kind.namespaced else None)
    made = await world.send("POST", collection, orjson.dumps(obj))
    if made["kind"] == "Status":
        return False
    path = f"{collection}/{made['metadata']['name']}"
    assert await world.send("GET", path) == made
    for media_type, patch in PATCHES.items():
        await world.send("PATCH", path, orjson.dumps(patch), media_type)
    configuration = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
    await world.send("PATCH", path, orjson.dumps(configuration), APPLY, fieldManager="fuzz", force="true")
    found = await world.send("GET", path)
    listed = (await world.send("GET", collection))["items"]
    (item,) = [each for each in listed if each["metadata"]["name"] == made["metadata"]["name"]]
    assert {**item, "apiVersion": kind.api_version, "kind": kind.kind} == found
    assert found["metadata"]["annotations"]["fuzz"] == "strategic"
    again = await world.send("PUT", path, orjson.dumps(found))
    assert again == found, "what was served was not taken back as it is"
    await world.send("DELETE", path, orjson.dumps({"gracePeriodSeconds": 0}))
    left = await world.send("GET", path)
    if left["kind"] != "Status":
        left["metadata"].pop("finalizers", None)
        await world.send("PUT", path, orjson.dumps(left))
    return True


def live(world: World, kind: Kind, count: int) -> None:
    stored = []

    @examples(count)
    @given(objects(kind))
    def check(obj: Obj) -> None:
        stored.append(world.run(life(world, kind, obj)))

    check()
    base = VALID.get(f"{kind.kind}.{kind.group}" if kind.group else kind.kind, {})
    name = "10.1.2.3" if kind.kind == "IPAddress" else "good"
    assert world.run(life(world, kind, {**base, "metadata": {"name": name}})), "the good object was refused"


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.plural}.{kind.group}")
def test_what_is_stored_is_served_the_same(world: World, kind: Kind) -> None:
    live(world, kind, 12)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.plural}.{kind.group}")
def test_what_is_stored_is_served_the_same_at_length(world: World, kind: Kind) -> None:
    live(world, kind, 100)


NAMES = st.sampled_from(["metadata", "spec", "status", "kind", "apiVersion", "name", "a", "", "labels"])
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "kind", "apiVersion", "name", "a", "", "labels"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=64),
    JSONS.map(lambda value: json.dumps(value).encode()),
    st.text(alphabet="{}[]:,&*!|>-#'\"\\%@`~ \n\tab1.0<", max_size=40).map(str.encode),
    st.binary(max_size=32).map(lambda raw: b"k8s\x00" + raw),
)
TYPES = (JSON, YAML, PROTOBUF, APPLY, *PATCHES)


def throw(world: World, count: int) -> None:
    @examples(count)
    @given(BODIES, st.sampled_from(TYPES), st.sampled_from(["Ignore", "Warn", "Strict"]))
    def check(body: bytes, media_type: str, level: str) -> None:
        collection = "/api/v1/namespaces/default/configmaps"
        options = {"fieldValidation": level, "fieldManager": "fuzz"}
        world.run(world.send("POST", collection, body, media_type, **options))
        world.run(world.send("PUT", f"{collection}/fuzz", body, media_type, **options))
        world.run(world.send("PATCH", f"{collection}/kube-root-ca.crt", body, media_type, **options))
        world.run(world.send("DELETE", f"{collection}/nothing", body, media_type))

    check()


def test_no_body_breaks_a_handler(world: World) -> None:
    throw(world, 600)


@pytest.mark.slow
def test_no_body_breaks_a_handler_at_length(world: World) -> None:
    throw(world, 5000)


BELOW = (
    ("POST", "pods/p/eviction"), ("POST", "pods/p/binding"), ("PUT", "pods/p/status"), ("PUT", "pods/p/resize"),
    ("PATCH", "pods/p/ephemeralcontainers"), ("PUT", "replicationcontrollers/rc/scale"),
    ("PATCH", "replicationcontrollers/rc/scale"), ("PATCH", "replicationcontrollers/rc/status"), ("POST", "bindings"),
)  # fmt: skip


def test_no_body_breaks_a_subresource(world: World) -> None:
    namespace = "/api/v1/namespaces/default"
    for plural, kind, name in (("pods", "Pod", "p"), ("replicationcontrollers", "ReplicationController", "rc")):
        obj = {**VALID[kind], "metadata": {"name": name}}
        assert world.run(world.send("POST", f"{namespace}/{plural}", orjson.dumps(obj)))["kind"] == kind

    @examples(400)
    @given(BODIES, st.sampled_from(TYPES), st.sampled_from(BELOW))
    def check(body: bytes, media_type: str, target: tuple[str, str]) -> None:
        method, path = target
        world.run(world.send(method, f"{namespace}/{path}", body, media_type, fieldManager="fuzz", dryRun="All"))
        world.run(world.send("PUT", "/api/v1/namespaces/default/finalize", body, media_type, dryRun="All"))

    check()


DEPTH = 100_000
BOMB = "a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1},*a{n - 1},*a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH, id="deep object"),
        pytest.param(b'{"data":' + b"[" * DEPTH + b"]" * DEPTH + b"}", id="deep list"),
        pytest.param(b"[" * DEPTH, id="never closed"),
        pytest.param(b"- " * 5_000 + b"a", id="deep yaml"),
        pytest.param(BOMB.encode(), id="aliases"),
        pytest.param(b"a: &a [*a]", id="an anchor in itself"),
        pytest.param(b'{"data":{' + b",".join(b'"a":"b"' for _ in range(20_000)) + b"}}", id="one key many times"),
        pytest.param(b'{"metadata":{"name":"' + b"a" * 3_000_000 + b'"}}', id="long name"),
        pytest.param(b'{"metadata":{"name":"a"},"data":{"a":1e999}}', id="large number"),
        pytest.param(b'{"metadata":{"name":"\\ud800"}}', id="half a character"),
        pytest.param(b"? [a, b]\n: c", id="yaml key"),
        pytest.param(b"!!python/object:os.system x", id="yaml tag"),
    ],
)
def test_no_hostile_body_breaks_a_handler(world: World, media_type: str, body: bytes) -> None:
    collection = "/api/v1/namespaces/default/configmaps"
    method, path = ("POST", collection) if media_type in (JSON, YAML, PROTOBUF) else ("PATCH", f"{collection}/a")
    answer = world.run(world.send(method, path, body, media_type, fieldManager="fuzz", fieldValidation="Strict"))
    assert answer["kind"] == "Status"
    assert 400 <= answer["code"] < 500
