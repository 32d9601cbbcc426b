"""Which runtime a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperpy.runtime import select
from hyperpy.runtime.cri import CriRuntime
from hyperpy.runtime.docker import DockerRuntime
from hyperpy.runtime.embedded.runtime import EmbeddedRuntime
from hyperpy.runtime.hollow import HollowRuntime
from hyperpy.runtime.protocol import RuntimeUnavailable


@pytest.mark.parametrize(
    ("name", "kind"),
    [("docker", DockerRuntime), ("remote", CriRuntime), ("embedded", EmbeddedRuntime), ("hollow", HollowRuntime)],
)
def test_a_runtime_is_chosen_by_name(tmp_path, name, kind):
    assert isinstance(select.select(name, root_dir=tmp_path), kind)


def test_an_unknown_name_is_refused_with_those_that_are_known(tmp_path):
    with pytest.raises(RuntimeUnavailable, match="use one of auto, docker"):
        select.select("podman", root_dir=tmp_path)


def test_without_an_engine_auto_is_embedded(tmp_path):
    found = select.select("auto", endpoint=f"unix://{tmp_path}/none.sock", root_dir=tmp_path)
    assert isinstance(found, EmbeddedRuntime)


@pytest.mark.docker
def test_with_an_engine_auto_is_docker(tmp_path):
    assert isinstance(select.select("auto", root_dir=tmp_path), DockerRuntime)


async def test_an_engine_that_is_not_there_is_told_with_what_to_do(tmp_path):
    runtime = DockerRuntime(endpoint=f"unix://{tmp_path}/none.sock", scope="x")
    with pytest.raises(RuntimeUnavailable, match="start it"):
        await runtime.start()


def test_nodes_on_one_engine_are_told_apart_by_their_directories():
    assert select.scope(Path("/a")) != select.scope(Path("/b"))
    assert select.scope(Path("/a")) == select.scope(Path("/a"))
