import pytest

from hyperpy.runtime.cri import translate
from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.protocol import ContainerSpec, Image, PortMapping, Resources, SandboxSpec, Security

IMAGE = Image("sha256:" + "1" * 64, ("docker.io/library/web:1",), 1, user="1000:2000")


def sandbox(**fields):
    spec = SandboxSpec("default", "web", "u1", **fields)
    return translate.sandbox_config(spec, scope="here", cgroup_parent="/kubepods/podu1")


def container(*, image=IMAGE, unified=False, **fields):
    spec = ContainerSpec("main", "web:1", **fields)
    return translate.container_config(spec, sandbox(log_dir="/logs/web"), scope="here", image=image, unified=unified)


def test_a_sandbox_is_told_again_as_it_was_made():
    made = sandbox(log_dir="/logs/web", share_pid=True, labels={"app": "web"}, annotations={"note": "kept"})
    status = api.PodSandboxStatus(labels=made.labels, annotations=made.annotations)
    assert translate.kept_config(status) == made


def test_our_own_labels_and_annotations_are_not_shown():
    made = sandbox(labels={"app": "web"}, annotations={"note": "kept"})
    found = api.PodSandbox(id="1", metadata=made.metadata, labels=made.labels, annotations=made.annotations)
    shown = translate.sandbox(found, "10.0.0.1")
    assert (dict(shown.labels), dict(shown.annotations), shown.ip) == ({"app": "web"}, {"note": "kept"}, "10.0.0.1")


@pytest.mark.parametrize(
    ("fields", "network", "pid"),
    [
        pytest.param({}, api.POD, api.CONTAINER, id="a pod of its own"),
        pytest.param({"share_pid": True}, api.POD, api.POD, id="shared processes"),
        pytest.param({"host_network": True, "host_pid": True}, api.NODE, api.NODE, id="the host's"),
    ],
)
def test_namespaces_follow_the_pod(fields, network, pid):
    options = sandbox(**fields).linux.security_context.namespace_options
    assert (options.network, options.pid) == (network, pid)


def test_host_ports_are_passed_on():
    (mapping,) = sandbox(port_mappings=(PortMapping(53, 5353, "UDP", "127.0.0.1"),)).port_mappings
    assert (mapping.protocol, mapping.container_port, mapping.host_port) == (api.UDP, 53, 5353)


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        pytest.param("cgroupfs", "/kubepods/burstable/pod1-2", id="cgroupfs"),
        pytest.param("systemd", "kubepods-burstable-pod1_2.slice", id="systemd"),
        pytest.param("", "", id="unknown"),
    ],
)
def test_the_cgroup_parent_has_the_form_of_the_driver(driver, expected):
    assert translate.cgroup_parent("/kubepods/burstable/pod1-2", driver=driver) == expected


@pytest.mark.parametrize(
    ("options", "expected"), [({"SystemdCgroup": True}, "systemd"), ({}, "cgroupfs"), (None, "cgroupfs")]
)
def test_containerd_shows_its_cgroup_driver(options, expected):
    info = {"containerd": {"defaultRuntimeName": "runc", "runtimes": {"runc": {"options": options}}}}
    assert translate.cgroup_driver(info) == expected
    assert translate.cgroup_driver({}) == ""


def test_logs_are_named_below_the_sandbox():
    assert container(log_path="/logs/web/main/0.log").log_path == "main/0.log"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param("1000:2000", (1000, ""), id="a number"),
        pytest.param("www", (0, "www"), id="a name"),
        pytest.param("", (0, ""), id="none"),
    ],
)
def test_a_group_alone_goes_with_the_users_of_the_image(user, expected):
    image = Image(IMAGE.id, IMAGE.tags, 1, user=user)
    context = container(image=image, security=Security(group=7)).linux.security_context
    assert (context.run_as_user.value, context.run_as_username) == expected
    assert context.run_as_group.value == 7


def test_processes_are_limited_where_the_host_can():
    assert container(unified=True, resources=Resources(pids_limit=9)).linux.resources.unified == {"pids.max": "9"}
    assert not container(resources=Resources(pids_limit=9)).linux.resources.unified


def test_a_kill_may_turn_out_to_be_for_want_of_memory():
    status = api.ContainerStatus(state=api.CONTAINER_EXITED, exit_code=137, reason="Error")
    assert translate.may_change(status)
    status.reason = "OOMKilled"
    assert not translate.may_change(status)
