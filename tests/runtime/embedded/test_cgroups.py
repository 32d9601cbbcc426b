"""Control groups: which hierarchies there are, which files get which value, and version 2's rules."""

import os
from pathlib import Path

import pytest

from hyperpy.runtime.embedded.shim import cgroups, devices, home
from hyperpy.runtime.embedded.shim.cgroups import Hierarchies

V1 = """\
30 25 0:26 / /sys/fs/cgroup ro shared:1 - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /with\\040space/pids rw - cgroup cgroup rw,pids
"""
LIMITS = {"memory_limit_bytes": 1 << 20, "cpu_shares": 512, "cpu_limit_millis": 250, "pids_limit": 9}


@pytest.fixture
def v2(tmp_path):
    """A folder that looks like a version 2 hierarchy."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    return Hierarchies({}, str(tmp_path), frozenset({"cpu", "memory", "pids"}))


def test_version_1_hierarchies_are_found_by_their_controllers():
    found = cgroups.discover(V1)
    assert found.v1 == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory",
        "pids": "/with space/pids",
    }
    assert len(found.mounts) == 3
    assert cgroups.view(found)["cpu,cpuacct"] == "cpu,cpuacct"


def test_a_version_2_mount_counts_for_the_controllers_it_holds(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    line = f"40 25 0:31 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    hybrid = cgroups.discover(V1 + line)
    assert (hybrid.v2, hybrid.v2_controllers & {"memory"}) == (str(tmp_path), frozenset())
    assert not hybrid.controls("devices")
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    only = cgroups.discover(line)
    assert only.controls("memory")
    assert cgroups.view(only) == {"": ""}


def test_what_the_host_lacks_is_told_in_sentences():
    left, conditions = cgroups.usable(Hierarchies({}, "", frozenset()), "/hyperpy")
    assert not left.mounts
    assert len(conditions) == 3
    assert any("memory limits are not enforced" in sentence for sentence in conditions)


def test_a_hierarchy_that_refuses_groups_is_left_out(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    left, conditions = cgroups.usable(Hierarchies({"memory": str(blocked)}, "", frozenset()), "/hyperpy")
    assert not left.v1
    assert any("Not a directory" in sentence for sentence in conditions)


def test_version_2_hands_controllers_down_level_by_level(v2):
    # Files of a real hierarchy come by themselves with the folder.
    for folder in ("pods", "pods/one"):
        os.makedirs(f"{v2.v2}/{folder}")
        Path(v2.v2, folder, "cgroup.subtree_control").write_text("")
    cgroups.make(v2, "/pods/one/container")
    for folder in ("pods", "pods/one"):
        assert Path(v2.v2, folder, "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert os.listdir(f"{v2.v2}/pods/one/container") == []


def test_version_2_limits(v2):
    group = Path(v2.v2, "one")
    group.mkdir()
    names = ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.weight", "cpu.max", "pids.max")
    for name in names:
        (group / name).write_text("")
    assert cgroups.limit(v2, "/one", LIMITS) == []
    assert {name: (group / name).read_text() for name in names} == {
        "memory.max": "1048576",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.weight": "20",
        "cpu.max": "25000 100000",
        "pids.max": "9",
    }


def test_a_limit_that_is_refused_is_told(v2):
    Path(v2.v2, "one").mkdir()
    refused = cgroups.limit(v2, "/one", {"memory_limit_bytes": 5})
    assert len(refused) == 1
    assert "memory.max" in refused[0]


def test_no_limit_writes_nothing(v2):
    assert cgroups.limit(v2, "/one", {}) == []


def test_version_2_use(v2):
    group = Path(v2.v2, "one")
    group.mkdir()
    (group / "memory.current").write_text("5000")
    (group / "memory.stat").write_text("anon 1\ninactive_file 1000\n")
    (group / "cpu.stat").write_text("usage_usec 7\nuser_usec 3\n")
    assert cgroups.usage(v2, "/one") == (7000, 4000)
    assert cgroups.usage(v2, "/none") is None


def test_the_root_group_is_never_killed(v2):
    for group in ("", "/"):
        with pytest.raises(ValueError, match="everybody"):
            cgroups.kill(v2, group)


def test_a_service_is_left_only_where_there_is_one():
    mounts = "40 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert home.services(mounts, "0::/") == []
    assert home.services(mounts, "0::/system.slice/x.service") == [("/sys/fs/cgroup", "/system.slice/x.service")]
    named = home.services(V1, "3:name=systemd:/system.slice/x.service\n2:memory:/limited\n0::/")
    assert named == [("/sys/fs/cgroup/systemd", "/system.slice/x.service")]


@pytest.mark.root
def test_the_kernel_holds_a_version_2_group_to_the_allowed_devices():
    found = cgroups.discover(Path("/proc/self/mountinfo").read_text())
    only_v2 = Hierarchies({}, found.v2, frozenset())
    group = f"/hyperpy-test-{os.getpid()}"
    program = devices.load()
    assert program >= 0
    cgroups.make(only_v2, group)
    try:
        assert devices.restrict(only_v2, group, program)
        pid = os.fork()
        if pid == 0:
            os._exit(_try_devices(only_v2, group))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(program)
        cgroups.remove(only_v2, group)


def _try_devices(hierarchies, group):
    """In a child: 0 when the harmless device opens and another one does not."""
    try:
        cgroups.join(hierarchies, group)
        os.close(os.open("/dev/null", os.O_RDWR))
        os.close(os.open("/dev/urandom", os.O_RDONLY))
    except OSError:
        return 1
    try:
        os.open("/dev/kmsg", os.O_RDONLY)
    except PermissionError:
        return 0
    return 2
