"""What the files of volumes hold."""

from __future__ import annotations

import base64

import pytest

from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.environment import Reference
from hyperpy.components.kubelet.volumes import payload
from hyperpy.components.kubelet.volumes.atomic_writer import File
from hyperpy.components.kubelet.volumes.payload import VolumeProblem

from ..objects import container, pod

NODE = NodeFacts("n1", ("192.168.0.7",), {})
CONFIG = {"data": {"a": "1", "b": "2"}, "binaryData": {"c": base64.b64encode(b"\xff").decode()}}
OBJECTS = {Reference("ConfigMap", "settings"): CONFIG}


def files(volume, *, tokens=None, a_pod=None):
    found = a_pod or pod()
    return payload.of_volume(found, {"name": "v", **volume}, objects=OBJECTS, tokens=lambda: tokens or {}, node=NODE)


def test_a_config_map_shows_all_entries():
    found = files({"configMap": {"name": "settings"}})
    assert found == {"a": File(b"1", 0o644), "b": File(b"2", 0o644), "c": File(b"\xff", 0o644)}


def test_items_choose_entries_paths_and_modes():
    source = {"name": "settings", "defaultMode": 0o400, "items": [{"key": "a", "path": "x/y", "mode": 0o755}]}
    assert files({"configMap": source}) == {"x/y": File(b"1", 0o755)}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"name": "none"}, 'configmap "none" not found'),
        ({"name": "settings", "items": [{"key": "z", "path": "z"}]}, "references non-existent configmap key: z"),
    ],
    ids=["object", "key"],
)
def test_what_is_missing_is_named(source, message):
    with pytest.raises(VolumeProblem, match=message):
        files({"configMap": source})
    assert files({"configMap": {**source, "optional": True}}) == {}


def test_a_projected_volume_joins_its_sources():
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "a"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    found = files({"projected": {"sources": sources}}, tokens={"token": "t0ken"})
    assert {name: file.data for name, file in found.items()} == {"token": b"t0ken", "a": b"1", "name": b"p"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, File(b"t", 0o644), id="nobody special"),
        pytest.param({"securityContext": {"fsGroup": 5}}, File(b"t", 0o600), id="for a group"),
        pytest.param({"securityContext": {"runAsUser": 7}}, File(b"t", 0o600, 7), id="for one user"),
    ],
)
def test_a_token_is_readable_for_those_who_need_it(spec, expected):
    assert payload.token_file(pod(container(), **spec), "t", default_mode=0o644) == expected


def test_other_volumes_are_not_made_of_files():
    assert files({"emptyDir": {}}) is None
