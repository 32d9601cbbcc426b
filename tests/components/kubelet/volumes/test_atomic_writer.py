"""Files of volumes change all at once."""

from __future__ import annotations

import os

import pytest

from hyperpy.components.kubelet.volumes import atomic_writer
from hyperpy.components.kubelet.volumes.atomic_writer import File


def shown(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not str(path.relative_to(directory)).startswith("..")
    }


def test_files_appear_behind_one_link(tmp_path):
    assert atomic_writer.write(tmp_path, {"a": File(b"1", 0o644), "deep/b": File(b"2", 0o400)})
    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "deep" / "b").read_bytes() == b"2"
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert (tmp_path / "..data" / "deep" / "b").stat().st_mode & 0o777 == 0o400


def test_nothing_happens_when_nothing_changed(tmp_path):
    files = {"a": File(b"1", 0o644)}
    atomic_writer.write(tmp_path, files)
    before = os.readlink(tmp_path / "..data")
    assert not atomic_writer.write(tmp_path, files)
    assert os.readlink(tmp_path / "..data") == before


def test_a_change_replaces_everything_and_leaves_nothing_old(tmp_path):
    atomic_writer.write(tmp_path, {"a": File(b"1", 0o644), "b": File(b"1", 0o644)})
    handle = (tmp_path / "a").open("rb")
    assert atomic_writer.write(tmp_path, {"a": File(b"2", 0o644), "c": File(b"3", 0o600)})
    with handle:
        assert handle.read() == b"1"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a", "c"]
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("..2")]) == 1


@pytest.mark.root
def test_a_group_may_read(tmp_path):
    atomic_writer.write(tmp_path, {"a": File(b"1", 0o600)}, group=4242)
    found = (tmp_path / "a").stat()
    assert (found.st_gid, found.st_mode & 0o777) == (4242, 0o640)
    assert not atomic_writer.write(tmp_path, {"a": File(b"1", 0o600)}, group=4242)
