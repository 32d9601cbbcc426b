"""Which Pods a level allows, and the words for those it does not."""

from __future__ import annotations

import pytest

from hyperpy.api.podsecurity import LevelVersion, evaluate

BASELINE, RESTRICTED = LevelVersion("baseline"), LevelVersion("restricted")
HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec(context=None, /, **fields):
    container = {"name": "c", "image": "i", **({"securityContext": context} if context else {})}
    return {"containers": [container], **fields}


def both(first, second):
    return {"containers": [{"name": "a", "securityContext": first}, {"name": "b", "securityContext": second}]}


@pytest.mark.parametrize(
    ("level", "pod", "says"),
    [
        pytest.param(LevelVersion("privileged"), spec({"privileged": True}, hostNetwork=True), "", id="privileged"),
        pytest.param(BASELINE, spec(), "", id="plain"),
        pytest.param(
            BASELINE,
            spec({"privileged": True}),
            'privileged (container "c" must not set securityContext.privileged=true)',
            id="privileged-container",
        ),
        pytest.param(
            BASELINE,
            both({"privileged": True}, {"privileged": True}),
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
            id="two-containers",
        ),
        pytest.param(
            BASELINE,
            spec(hostNetwork=True, hostPID=True),
            "host namespaces (hostNetwork=true, hostPID=true)",
            id="host-namespaces",
        ),
        pytest.param(
            BASELINE,
            spec(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            'hostPath volumes (volume "v")',
            id="host-path",
        ),
        pytest.param(
            BASELINE,
            {"containers": [{"name": "c", "ports": [{"hostPort": 80}, {"hostPort": 443}]}]},
            'hostPort (container "c" uses hostPorts 443, 80)',
            id="host-ports",
        ),
        pytest.param(
            BASELINE,
            {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "example.com"}}}]},
            'probe or lifecycle host (container "c" uses probe or lifecycle host "example.com")',
            id="probe-host",
        ),
        pytest.param(
            LevelVersion("baseline", "v1.33"),
            {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "example.com"}}}]},
            "",
            id="probe-host-before-1.34",
        ),
        pytest.param(
            BASELINE,
            spec({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
            'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
            id="capabilities",
        ),
        pytest.param(
            BASELINE,
            spec({"procMount": "Unmasked"}),
            'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
            id="proc-mount",
        ),
        pytest.param(
            BASELINE,
            spec({"seLinuxOptions": {"type": "spc_t"}}, securityContext={"seLinuxOptions": {"user": "u"}}),
            'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; '
            "user may not be set)",
            id="selinux",
        ),
        pytest.param(BASELINE, spec({"seLinuxOptions": {"type": "container_engine_t"}}), "", id="selinux-engine"),
        pytest.param(
            LevelVersion("baseline", "v1.30"),
            spec({"seLinuxOptions": {"type": "container_engine_t"}}),
            'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
            id="selinux-engine-before-1.31",
        ),
        pytest.param(
            BASELINE,
            spec(securityContext={"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
            id="seccomp",
        ),
        pytest.param(
            BASELINE,
            spec({"appArmorProfile": {"type": "Unconfined"}}),
            'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
            id="apparmor",
        ),
        pytest.param(
            BASELINE,
            spec(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}]}),
            "forbidden sysctls (kernel.msgmax)",
            id="sysctls",
        ),
        pytest.param(
            LevelVersion("baseline", "v1.26"),
            spec(securityContext={"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}),
            "forbidden sysctls (net.ipv4.ip_local_reserved_ports)",
            id="sysctls-before-1.27",
        ),
        pytest.param(
            BASELINE,
            spec(securityContext={"windowsOptions": {"hostProcess": True}}),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
            id="host-process",
        ),
        pytest.param(
            RESTRICTED,
            spec(),
            'allowPrivilegeEscalation != false (container "c" must set '
            "securityContext.allowPrivilegeEscalation=false), "
            'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
            'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
            'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
            '"Localhost")',
            id="restricted-plain",
        ),
        pytest.param(RESTRICTED, spec(HARDENED), "", id="hardened"),
        pytest.param(
            RESTRICTED,
            spec(HARDENED, volumes=[{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {}}]),
            'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
            id="volumes",
        ),
        pytest.param(
            RESTRICTED,
            spec({**HARDENED, "runAsUser": 0}),
            'runAsUser=0 (container "c" must not set runAsUser=0)',
            id="root",
        ),
        pytest.param(LevelVersion("restricted", "v1.22"), spec({**HARDENED, "runAsUser": 0}), "", id="root-in-1.22"),
        pytest.param(
            RESTRICTED,
            spec({**HARDENED, "runAsNonRoot": False}),
            'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
            id="root-said",
        ),
        pytest.param(
            RESTRICTED,
            spec({**HARDENED, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}),
            'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
            id="added",
        ),
        pytest.param(
            RESTRICTED,
            spec({"privileged": True, **HARDENED}),
            'privileged (container "c" must not set securityContext.privileged=true)',
            id="baseline-comes-first",
        ),
        pytest.param(
            RESTRICTED,
            {"os": {"name": "windows"}, **spec({"runAsNonRoot": True})},
            "",
            id="windows",
        ),
    ],
)
def test_a_level_words_its_objections(level, pod, says):
    assert evaluate(level, {}, pod).detail == says


def test_annotations_count():
    noted = {"annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}}
    assert evaluate(BASELINE, noted, spec()).detail == (
        "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
        '"container.apparmor.security.beta.kubernetes.io/c=\\"unconfined\\"")'
    )
    old = {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}
    assert evaluate(LevelVersion("baseline", "v1.18"), old, spec()).reason == "seccompProfile"
    assert evaluate(BASELINE, old, spec()).allowed


def test_ephemeral_containers_count():
    debugging = {**spec(HARDENED), "ephemeralContainers": [{"name": "debug"}]}
    assert 'container "debug" must set' in evaluate(RESTRICTED, {}, debugging).detail
