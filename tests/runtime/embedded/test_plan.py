"""From a spec to the shim's plan: Kubernetes' rules for commands, variables, capabilities, users."""

import pytest

from hyperpy.runtime.embedded import plan
from hyperpy.runtime.embedded.shim import privileges
from hyperpy.runtime.protocol import (
    ContainerSpec,
    Dns,
    Mount,
    PortMapping,
    RuntimeFailure,
    SandboxSpec,
    Security,
)

IMAGE = {"Entrypoint": ["/entry"], "Cmd": ["default"], "Env": ["A=image", "B=1=2"], "WorkingDir": "/work", "User": "7"}
KNOWN = privileges.CAPABILITIES


def spec(**fields):
    return ContainerSpec("main", "app:1", **fields)


def make(container, image=IMAGE, pod_files=()):
    pod = plan.sandbox(SandboxSpec("default", "web", "u"), sandbox_id="s1")
    return plan.container(container, pod=pod, pod_files=pod_files, image=image, known_capabilities=KNOWN)


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (None, None, ["/entry", "default"]),
        (None, ["x"], ["/entry", "x"]),
        (["cmd"], None, ["cmd"]),
        (["cmd"], ["x"], ["cmd", "x"]),
        ([], [], ["/entry", "default"]),
    ],
)
def test_commands(command, args, expected):
    assert make(spec(command=command, args=args))["args"] == expected


def test_nothing_to_run_is_refused():
    with pytest.raises(RuntimeFailure, match="no command specified"):
        make(spec(), image={})


def test_variables_of_the_spec_win():
    variables = dict(make(spec(env={"A": "spec"}))["env"])
    assert (variables["A"], variables["B"], variables["HOSTNAME"]) == ("spec", "1=2", "web")
    assert variables["PATH"].startswith("/usr/local/sbin")


def test_the_user_is_the_images_unless_told():
    assert make(spec())["user"] == {"user": "7", "group": None, "groups": []}
    told = make(spec(security=Security(user=1000, group=5, supplemental_groups=(6,))))
    assert told["user"] == {"user": "1000", "group": 5, "groups": [6]}


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        (Security(), set(plan.DEFAULT_CAPABILITIES)),
        (Security(drop_capabilities=("ALL",)), set()),
        (Security(drop_capabilities=("ALL",), add_capabilities=("CAP_CHOWN",)), {"CHOWN"}),
        (Security(add_capabilities=("ALL",), drop_capabilities=("CHOWN",)), set(KNOWN) - {"CHOWN"}),
        (Security(add_capabilities=("net_admin",)), {*plan.DEFAULT_CAPABILITIES, "NET_ADMIN"}),
        (Security(privileged=True, drop_capabilities=("ALL",)), set(KNOWN)),
    ],
)
def test_capabilities(security, expected):
    assert set(plan.capabilities(security, KNOWN)) == expected


def test_pod_files_do_not_hide_the_specs_mounts():
    own, other = Mount("/host/hosts", "/etc/hosts"), Mount("/pod/hosts", "/etc/hosts")
    more = Mount("/pod/resolv.conf", "/etc/resolv.conf")
    mounts = make(spec(mounts=(own,)), pod_files=(other, more))["mounts"]
    assert [mount["source"] for mount in mounts] == ["/host/hosts", "/pod/resolv.conf"]


def test_outer_mounts_come_first():
    mounts = make(spec(mounts=(Mount("/b", "/data/in"), Mount("/a", "/data"))))["mounts"]
    assert [mount["target"] for mount in mounts] == ["/data", "/data/in"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"mounts": (Mount("/a", "relative"),)}, "not absolute"),
        ({"mounts": (Mount("/a", "/a", propagation="wild"),)}, "wild"),
        ({"security": Security(add_capabilities=("NOPE",))}, "NOPE"),
        ({"security": Security(seccomp="Localhost/x")}, "Localhost/x"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(fields, word):
    with pytest.raises(RuntimeFailure, match=word):
        make(spec(**fields))


@pytest.mark.parametrize(
    ("name", "number"), [("", 15), ("SIGQUIT", 3), ("QUIT", 3), ("9", 9), ("SIGRTMIN+3", 37), ("NONSENSE", 15)]
)
def test_stop_signals(name, number):
    assert plan.stop_signal({"StopSignal": name}) == number


def test_a_sandbox_has_a_group_and_knows_its_parents():
    own = plan.sandbox(SandboxSpec("default", "web", "u"), sandbox_id="s1")
    assert (own["cgroup"], own["cgroup_parents"]) == ("/hyperpy/s1", ["/hyperpy"])
    given = plan.sandbox(SandboxSpec("d", "w", "u", cgroup_parent="/kubepods/burstable/pod1/"), sandbox_id="s1")
    assert (given["cgroup"], given["cgroup_parents"]) == (
        "/kubepods/burstable/pod1",
        ["/kubepods/burstable", "/kubepods"],
    )


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"cgroup_parent": "relative"}, "relative"),
        ({"cgroup_parent": "/a/../../b"}, "cgroup_parent"),
        ({"port_mappings": (PortMapping(80, 8080),)}, "hostPort"),
    ],
)
def test_a_sandbox_that_cannot_be_made_is_refused_by_name(fields, word):
    with pytest.raises(RuntimeFailure, match=word):
        plan.sandbox(SandboxSpec("default", "web", "u", **fields), sandbox_id="s1")


def test_dns_of_the_pod_or_of_the_host():
    dns = Dns(("10.0.0.10",), ("a", "b"), ("ndots:5",))
    text = plan.resolv_conf(SandboxSpec("d", "w", "u", dns=dns), "host")
    assert text == "search a b\nnameserver 10.0.0.10\noptions ndots:5\n"
    assert plan.resolv_conf(SandboxSpec("d", "w", "u"), "host") == "host"


PASSWD = "root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:1000:1001::/home/web:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:1001:\nextra:x:2000:web,other\n"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"user": ""}, (0, 0, [0], "/root")),
        ({"user": "web"}, (1000, 1001, [1001, 2000], "/home/web")),
        ({"user": "1000"}, (1000, 1001, [1001, 2000], "/home/web")),
        ({"user": "web:extra"}, (1000, 2000, [2000], "/home/web")),
        ({"user": "web", "group": 5, "groups": [6]}, (1000, 5, [5, 6, 2000], "/home/web")),
        ({"user": "4000"}, (4000, 0, [0], "")),
        ({"user": "4000:4001"}, (4000, 4001, [4001], "")),
    ],
)
def test_identities(wanted, expected):
    found = privileges.find_identity(wanted, PASSWD, GROUP)
    assert (found.uid, found.gid, found.groups, found.home) == expected


@pytest.mark.parametrize(("user", "word"), [("ghost", "user ghost"), ("web:ghosts", "group ghosts")])
def test_unknown_names_are_refused(user, word):
    with pytest.raises(privileges.NoSuchUser, match=word):
        privileges.find_identity({"user": user}, PASSWD, GROUP)
