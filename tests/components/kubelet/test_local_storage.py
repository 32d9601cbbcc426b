"""Limits on the node's disk."""

from __future__ import annotations

from pathlib import Path

from hyperpy.components.kubelet.local_storage import limits, used_bytes

from .objects import container, pod

VOLUMES, LOGS = Path("/pods/u/volumes"), Path("/logs/p")


def found(a_pod):
    return limits(a_pod, volumes_dir=VOLUMES, log_dir=LOGS)


def test_an_ordinary_pod_has_no_limits():
    assert found(pod(volumes=[{"name": "v", "emptyDir": {}}])) == []


def test_an_empty_dir_with_a_limit():
    (limit,) = found(pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Ki"}}]))
    assert limit.paths == (VOLUMES / "kubernetes.io~empty-dir" / "v",)
    assert limit.max_bytes == 1024
    assert limit.message == 'Usage of EmptyDir volume "v" exceeds the limit "1Ki". '


def test_memory_is_limited_by_its_file_system():
    assert found(pod(volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Ki"}}])) == []


def test_containers_with_limits_and_their_sum():
    sized = {"resources": {"limits": {"ephemeral-storage": "1Gi"}}}
    limited = pod(container("a", **sized), container("b", **sized), volumes=[{"name": "v", "emptyDir": {}}])
    of_a, of_b, of_pod = found(limited)
    assert (of_a.paths, of_b.paths) == ((LOGS / "a",), (LOGS / "b",))
    assert of_pod.paths == (VOLUMES / "kubernetes.io~empty-dir" / "v", LOGS)
    assert of_pod.max_bytes == 2 << 30


def test_use_is_counted_in_blocks(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"x" * 10_000)
    assert used_bytes(tmp_path, tmp_path / "gone") >= 10_000
