"""hostPath types and sub paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hyperpy.components.kubelet.volumes import host_path, mounts, sub_path
from hyperpy.components.kubelet.volumes.payload import VolumeProblem


def prepare(path, kind):
    host_path.prepare("v", str(path), kind, host_root=Path("/"))


@pytest.mark.parametrize("kind", ["Directory", "File", "Socket", "CharDevice", "BlockDevice"])
def test_a_path_that_is_not_there_is_refused(tmp_path, kind):
    with pytest.raises(VolumeProblem, match="type check failed"):
        prepare(tmp_path / "none", kind)


def test_directories_and_files_are_made_where_the_type_allows(tmp_path):
    prepare(tmp_path / "a" / "b", "DirectoryOrCreate")
    prepare(tmp_path / "a" / "c", "FileOrCreate")
    assert (tmp_path / "a" / "b").is_dir()
    assert (tmp_path / "a" / "c").is_file()


def test_a_path_of_another_type_is_refused(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(VolumeProblem, match="is not a directory"):
        prepare(tmp_path / "f", "Directory")
    prepare("/dev/null", "CharDevice")


def test_the_host_may_be_seen_elsewhere(tmp_path):
    (tmp_path / "etc").mkdir()
    host_path.prepare("v", "/etc", "Directory", host_root=tmp_path)
    with pytest.raises(VolumeProblem):
        host_path.prepare("v", "/usr", "Directory", host_root=tmp_path)


def test_a_sub_path_is_made_inside_the_volume(tmp_path):
    assert sub_path.resolve("v", tmp_path, "a/b", pin_at=None) == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x"])
def test_a_path_out_of_the_volume_is_refused(tmp_path, path):
    with pytest.raises(VolumeProblem, match="relative"):
        sub_path.resolve("v", tmp_path, path, pin_at=None)


@pytest.mark.parametrize("target", ["/etc", "../../etc", "a/../../../etc"])
def test_a_link_out_of_the_volume_is_refused(tmp_path, target):
    root = tmp_path / "volume"
    (root / "a").mkdir(parents=True)
    os.symlink(target, root / "link")
    with pytest.raises(VolumeProblem, match="leads out of the volume"):
        sub_path.resolve("v", root, "link/passwd", pin_at=None)


def test_a_link_inside_the_volume_is_followed(tmp_path):
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "conf").write_text("x")
    os.symlink("..data/conf", tmp_path / "conf")
    assert sub_path.resolve("v", tmp_path, "conf", pin_at=None) == tmp_path / "..data" / "conf"


@pytest.mark.root
def test_a_pinned_sub_path_stays_what_it_was_when_its_name_is_swapped(tmp_path):
    root, pin = tmp_path / "volume", tmp_path / "pins" / "0"
    (root / "data").mkdir(parents=True)
    (root / "data" / "mine").touch()
    try:
        assert sub_path.resolve("v", root, "data", pin_at=pin) == pin
        os.rename(root / "data", root / "moved")
        os.symlink("/etc", root / "data")
        assert os.listdir(pin) == ["mine"]
    finally:
        mounts.unmount_below(tmp_path)
    assert mounts.below(tmp_path) == []
