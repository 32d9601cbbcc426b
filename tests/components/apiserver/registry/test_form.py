"""The stored form: resourceVersions that the store stamps, and those that are spliced in."""

from __future__ import annotations

import orjson
import pytest

from hyperpy.api import kinds
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.metrics import WriteMetrics
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.instruments import Instruments
from hyperpy.store.engine import memory
from hyperpy.store.protocol import Get, KeyValue

OBJECT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"resourceVersion": "3", "name": "a"},
    "data": {"k": "v"},
}
PLAIN = form.encode(OBJECT)
STAMPED = PLAIN.replace(b'"metadata":{', b'"metadata":{"resourceVersion":"7",')


@pytest.mark.parametrize("stored", [PLAIN, STAMPED], ids=["plain", "stamped"])
@pytest.mark.parametrize("revision", [7, 8, 70])
def test_clients_see_the_version_asked_for_whatever_is_stored(stored, revision):
    seen = form.splice(stored, revision)
    assert orjson.loads(seen) == {**OBJECT, "metadata": {"resourceVersion": str(revision), "name": "a"}}
    assert seen.count(b"resourceVersion") == 1


def test_what_is_stamped_is_sent_as_it_lies_there():
    kv = KeyValue(b"k", STAMPED, 7, 7, 1)
    assert form.splice(STAMPED, 7) is STAMPED
    assert form.spliced(kinds.CONFIG_MAP, [kv])[0] is STAMPED


def test_lists_of_both_forms_carry_their_versions():
    kvs = [KeyValue(b"k", STAMPED, 7, 7, 1), KeyValue(b"l", PLAIN, 9, 9, 1)]
    versions = [orjson.loads(each)["metadata"]["resourceVersion"] for each in form.spliced(kinds.CONFIG_MAP, kvs)]
    assert versions == ["7", "9"]


def test_a_stamp_is_taken_out_again():
    assert form.unstamped(STAMPED) == form.unstamped(PLAIN) == PLAIN


async def test_objects_lie_in_the_store_with_their_own_version():
    store = await memory.open_store()
    objects = Objects(store, WriteMetrics(Instruments()))
    for number in range(12):
        first = await objects.create(kinds.CONFIG_MAP, "one", f"a{number}", PLAIN)
    kv = await objects.get(kinds.CONFIG_MAP, "one", "a11")
    second = await objects.replace(kv, PLAIN)
    found = (await store.get(Get(kv.key))).kvs[0]
    assert kv.value == form.splice(PLAIN, first)
    assert found.value == form.splice(PLAIN, second)
    await store.aclose()
