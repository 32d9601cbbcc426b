"""Indexes: they say what reading everything says, and a list costs what it returns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.api import kinds
from hyperpy.components.apiserver.registry import form, index, selection
from hyperpy.components.apiserver.registry.index import Indexes
from hyperpy.components.apiserver.registry.metrics import ListMetrics
from hyperpy.components.apiserver.registry.pages import Lists
from hyperpy.components.apiserver.registry.query import ListOptions
from hyperpy.components.instruments import Instruments
from hyperpy.store.engine import memory
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import DeleteRange, Get, Put, prefix_end
from hyperpy.store.sql.sqlite import open_store

POD = kinds.POD
NAMES = ("a", "b", "c")
NAMESPACES = ("one", "two")
VALUES = ("x", "y", "")


@dataclass(frozen=True)
class Write:
    namespace: str
    name: str
    labels: tuple[tuple[str, str], ...] | None
    node: str


@dataclass(frozen=True)
class Ask:
    namespace: str | None
    label_text: str
    field_text: str


places = (st.sampled_from(NAMESPACES), st.sampled_from(NAMES))
labels = st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from(VALUES), max_size=2)
writes = st.builds(
    Write, *places, st.none() | labels.map(lambda pairs: tuple(sorted(pairs.items()))), st.sampled_from(("", "n1"))
)
deletions = st.tuples(*places)
label_texts = st.sampled_from(
    (
        "",
        "app=x",
        "app=",
        "app in (x,y)",
        "app=x,tier=y",
        "app=x,tier!=y",
        "app",
        "!app",
        "app notin (x)",
        "app=x,app=y",
    )
)
field_texts = st.sampled_from(
    ("", "spec.nodeName=n1", "spec.nodeName=", "spec.nodeName!=n1", "metadata.name=a", "metadata.namespace=one")
)
asks = st.builds(Ask, st.sampled_from((None, *NAMESPACES)), label_texts, field_texts)


def pod(write: Write) -> bytes:
    metadata = {"name": write.name, "namespace": write.namespace}
    if write.labels is not None:
        metadata["labels"] = dict(write.labels)
    spec = {"nodeName": write.node} if write.node else {}
    return form.encode({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


async def searched(store, wanted):
    """The selection by reading everything."""
    prefix = form.prefix(POD, wanted.namespace)
    found = await store.get(Get(prefix, prefix_end(prefix)))
    return [kv for kv in found.kvs if wanted.matches(form.decoded(kv))]


# The smallest windows make columns that know too little of the past; then they are built anew.
@pytest.mark.parametrize("window", [3, 4096])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(writes | deletions | asks, min_size=1, max_size=40))
def test_an_index_finds_what_a_search_finds(tmp_path_factory, window, steps):
    async def run():
        store = await open_store(tmp_path_factory.mktemp("store") / "db", options=Options(window_events=window))
        indexes = Indexes(store)
        for step in steps:
            if isinstance(step, Write):
                await store.put(Put(form.key(POD, step.namespace, step.name), pod(step)))
            elif isinstance(step, tuple):
                await store.delete(DeleteRange(form.key(POD, *step)))
            else:
                wanted = selection.parse(POD, step.namespace, label_text=step.label_text, field_text=step.field_text)
                found = await indexes.find(wanted)
                if found is None:
                    assert not index.terms_of(wanted)[0]
                    continue
                assert list(found.kvs) == await searched(store, wanted)
                assert found.revision == await store.revision()
        await store.aclose()

    asyncio.run(run())


@pytest.fixture
async def store():
    store = await memory.open_store()
    yield store
    await store.aclose()


@pytest.fixture
def instruments():
    return Instruments()


@pytest.fixture
def lists(store, instruments):
    return Lists(store, ListMetrics(instruments))


async def fill(store, count, *, first=0):
    for number in range(first, first + count):
        write = Write("one", f"p{number:05d}", (("bucket", str(number % 100)),), f"n{number % 100}")
        await store.put(Put(form.key(POD, "one", write.name), pod(write)))


def counted(instruments):
    """Objects read, looked into and returned up to now."""
    names = [f"apiserver_storage_list_{what}_objects_total" for what in ("fetched", "evaluated", "returned")]
    return [sum(value for _, value in snapshot.samples) for snapshot in instruments.snapshot(names)]


@pytest.mark.parametrize("query", [{"label_text": "bucket=7"}, {"field_text": "spec.nodeName=n7"}])
async def test_the_cost_of_a_list_is_what_it_returns_however_much_is_stored(store, lists, instruments, query):
    wanted = selection.parse(POD, "one", **query)
    costs = []
    for stored in (300, 1500):
        await fill(store, stored - 300, first=300) if stored > 300 else await fill(store, 300)
        await lists.page(wanted, ListOptions())
        before = counted(instruments)
        page = await lists.page(wanted, ListOptions())
        costs.append([after - earlier for after, earlier in zip(counted(instruments), before, strict=True)])
        assert len(page.kvs) == stored // 100
    assert costs == [[3, 0, 3], [15, 0, 15]]


async def test_other_conditions_are_looked_into_only_where_the_index_points(store, lists, instruments):
    await fill(store, 500)
    wanted = selection.parse(POD, "one", label_text="bucket=7,missing!=x", field_text="spec.nodeName=n7")
    await lists.page(wanted, ListOptions())
    before = counted(instruments)
    assert len((await lists.page(wanted, ListOptions())).kvs) == 5
    assert [after - earlier for after, earlier in zip(counted(instruments), before, strict=True)] == [5, 5, 5]


async def test_pages_of_an_indexed_list_come_from_one_snapshot(store, lists):
    await fill(store, 500)
    wanted = selection.parse(POD, "one", label_text="bucket=7")
    first = await lists.page(wanted, ListOptions(limit=2))
    await store.delete(DeleteRange(form.key(POD, "one", "p00207")))
    rest = await lists.page(wanted, ListOptions(limit=10, continue_token=first.continue_token))
    names = [kv.key.rpartition(b"/")[2] for kv in (*first.kvs, *rest.kvs)]
    assert names == [b"p00007", b"p00107", b"p00207", b"p00307", b"p00407"]
    assert (rest.revision, rest.continue_token) == (first.revision, "")


async def test_a_list_at_an_old_version_is_not_answered_from_the_newest_state(store, lists):
    await fill(store, 200)
    wanted = selection.parse(POD, "one", label_text="bucket=7")
    old = (await lists.page(wanted, ListOptions())).revision
    await store.delete(DeleteRange(form.key(POD, "one", "p00007")))
    exact = await lists.page(wanted, ListOptions(revision=old, match="Exact"))
    assert (len(exact.kvs), exact.revision) == (2, old)
    assert len((await lists.page(wanted, ListOptions(revision=old, match="NotOlderThan"))).kvs) == 1


async def test_a_column_that_nobody_asked_for_goes(store):
    indexes = Indexes(store)
    for number in range(index.MAX_COLUMNS + 5):
        assert await indexes.find(selection.parse(POD, None, label_text=f"l{number}=x")) is not None
    assert len(indexes) == index.MAX_COLUMNS


async def test_a_search_answers_while_a_column_is_built(store, lists):
    await fill(store, 1000)
    wanted = selection.parse(POD, "one", label_text="bucket=7")
    pages = await asyncio.gather(*(lists.page(wanted, ListOptions()) for _ in range(3)))
    assert [len(page.kvs) for page in pages] == [10, 10, 10]
