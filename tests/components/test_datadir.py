"""The data directory: one owner, one layout, nothing foreign."""

import pytest
from store.faults.disks import fill, tmpfs

from hyperpy.components.datadir import ClusterRecord, DataDir
from hyperpy.components.supervisor import StartFailure


def test_a_second_owner_is_told_who_has_it(tmp_path):
    import os

    with DataDir(tmp_path / "d"), pytest.raises(StartFailure, match=rf"in use by process {os.getpid()}"):
        DataDir(tmp_path / "d").__enter__()
    with DataDir(tmp_path / "d"):
        pass


def test_another_layout_is_refused_and_untouched(tmp_path):
    with DataDir(tmp_path / "d"):
        pass
    (tmp_path / "d" / "VERSION").write_text("99\n")
    with pytest.raises(StartFailure, match="has layout 99, this hyperpy reads layout 1"):
        DataDir(tmp_path / "d").__enter__()
    assert (tmp_path / "d" / "VERSION").read_text() == "99\n"


def test_a_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(StartFailure, match="not a hyperpy data directory"):
        DataDir(tmp_path).__enter__()


def test_what_was_chosen_is_kept(tmp_path):
    record = ClusterRecord(service_cidr="10.96.0.0/16", cluster_cidr="10.244.0.0/16", pod_netns="hyperpy-x")
    with DataDir(tmp_path / "d") as data:
        assert data.record() is None
        data.keep(record)
        assert data.record() == record


def test_a_damaged_record_is_named(tmp_path):
    with DataDir(tmp_path / "d") as data:
        (data.path / "cluster.json").write_text("{")
        with pytest.raises(StartFailure, match=r"cluster\.json is damaged"):
            data.record()


@pytest.mark.root
def test_a_full_disk_is_told_in_plain_words(tmp_path):
    with tmpfs(tmp_path / "disk", size_kib=64) as disk:
        fill(disk)
        with pytest.raises(StartFailure, match=r"disk/d cannot be used: No space left on device"):
            DataDir(disk / "d").__enter__()
