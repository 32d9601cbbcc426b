"""Rules of Pods."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api import kinds, validation

Obj = dict[str, Any]


def pod(container: Obj | None = None, **spec: Any) -> Obj:
    return {"spec": {"containers": [{"name": "c", "image": "nginx", **(container or {})}], **spec}}


def test_an_ordinary_pod_is_fine(complaints: Any) -> None:
    container = {
        "ports": [{"name": "http", "containerPort": 80, "hostPort": 8080}],
        "env": [
            {"name": "A", "value": "b"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "m"}}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi", "example.com/gpu": 1}, "requests": {"cpu": "0.5"}},
        "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/b"}, {"name": "p", "mountPath": "/p"}],
        "livenessProbe": {"httpGet": {"port": "http", "httpHeaders": [{"name": "Accept", "value": "*"}]}},
        "readinessProbe": {"exec": {"command": ["true"]}, "successThreshold": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}, "privileged": True},
    }
    spec = {
        "initContainers": [{"name": "i", "image": "b"}, {"name": "s", "image": "b", "restartPolicy": "Always"}],
        "volumes": [
            {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "m"}}, {"secret": {"name": "s"}}]}},
        ],
        "tolerations": [
            {"operator": "Exists"},
            {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 3},
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}]
                }
            },
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}}
                ]
            },
        },
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
        ],
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["a.b", "."], "options": [{"name": "ndots"}]},
        "securityContext": {"fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["a.local"]}],
    }
    assert complaints(kinds.POD, pod(container, **spec)) == []


CONTAINER = [
    pytest.param({"name": ""}, ["spec.containers[0].name: Required value"], id="no name"),
    pytest.param({"image": ""}, ["spec.containers[0].image: Required value"], id="no image"),
    pytest.param({"image": " a"}, ['spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace'], id="blank"),
    pytest.param({"imagePullPolicy": "x"}, ['spec.containers[0].imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"'], id="pull"),
    pytest.param({"ports": [{"containerPort": 0}]}, ["spec.containers[0].ports[0].containerPort: Required value"], id="no port"),
    pytest.param({"ports": [{"containerPort": 70000}]}, ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"], id="port range"),
    pytest.param({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}, ['spec.containers[0].ports[1].name: Duplicate value: "a"'], id="port names"),
    pytest.param({"ports": [{"containerPort": 1, "hostPort": 1}, {"containerPort": 2, "hostPort": 1}]}, ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//1"'], id="host ports"),
    pytest.param({"ports": [{"containerPort": 1, "protocol": "tcp"}]}, ['spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'], id="protocol"),
    pytest.param({"env": [{"value": "a"}]}, ["spec.containers[0].env[0].name: Required value"], id="env name"),
    pytest.param({"env": [{"name": "A", "value": "b", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]}, ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'], id="env twice"),
    pytest.param({"env": [{"name": "A", "valueFrom": {}}]}, ['spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'], id="env from nothing"),
    pytest.param({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}]}, ['spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'], id="env field"),
    pytest.param({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]}, ['spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo'], id="env unknown field"),
    pytest.param({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1Mi"}}}]}, ["spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource"], id="divisor"),
    pytest.param({"envFrom": [{}]}, ['spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'], id="env from"),
    pytest.param({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}, ['spec.containers[0].volumeMounts[0].name: Not found: "x"'], id="mount of nothing"),
    pytest.param({"volumeMounts": [{"name": "v"}]}, ["spec.containers[0].volumeMounts[0].mountPath: Required value"], id="mount nowhere"),
    pytest.param({"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]}, ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique'], id="mount twice"),
    pytest.param({"volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "../b"}]}, ["spec.containers[0].volumeMounts.subPath: Invalid value: \"../b\": must not contain '..'"], id="sub path"),
    pytest.param({"volumeMounts": [{"name": "v", "mountPath": "/a", "mountPropagation": "Bidirectional"}]}, ["spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers"], id="propagation"),
    pytest.param({"volumeDevices": [{"name": "v", "devicePath": "/d"}]}, ['spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'], id="device"),
    pytest.param({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}, ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'], id="over the limit"),
    pytest.param({"resources": {"limits": {"memory": "-1"}, "requests": {"memory": "-1"}}}, ['spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0', 'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0'], id="negative"),
    pytest.param({"resources": {"requests": {"gpu": "1"}}}, ['spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified', 'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers'], id="unknown resource"),
    pytest.param({"resources": {"requests": {"example.com/gpu": "1"}}}, ["spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"], id="extended"),
    pytest.param({"resources": {"limits": {"example.com/gpu": "500m"}}}, ['spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer', 'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer'], id="half a gpu"),
    pytest.param({"resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}, "requests": {"hugepages-2Mi": "3Mi"}}}, ['spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi', 'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi'], id="huge pages"),
    pytest.param({"livenessProbe": {}}, ["spec.containers[0].livenessProbe: Required value: must specify a handler type"], id="empty probe"),
    pytest.param({"livenessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}}, ["spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"], id="two handlers"),
    pytest.param({"livenessProbe": {"exec": {"command": ["a"]}, "successThreshold": 2}}, ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"], id="threshold"),
    pytest.param({"readinessProbe": {"httpGet": {"port": 0}, "periodSeconds": -1}}, ["spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive", "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"], id="probe"),
    pytest.param({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}, ["spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"], id="long sleep"),
    pytest.param({"securityContext": {"runAsUser": -1}}, ["spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive"], id="user"),
    pytest.param({"restartPolicy": "Always"}, ["spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers"], id="restart"),
    pytest.param({"terminationMessagePolicy": "x"}, ['spec.containers[0].terminationMessagePolicy: Unsupported value: "x": supported values: "FallbackToLogsOnError", "File"'], id="message"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "expected"), CONTAINER)
def test_a_container_that_breaks_a_rule(container: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.POD, pod(container, volumes=[{"name": "v"}])) == expected


SPEC = [
    pytest.param({"containers": []}, ["spec.containers: Required value"], id="no containers"),
    pytest.param({"containers": [{"name": "a", "image": "b"}] * 2}, ['spec.containers[1].name: Duplicate value: "a"'], id="same name"),
    pytest.param({"initContainers": [{"name": "c", "image": "b"}]}, ['spec.initContainers[0].name: Duplicate value: "c"'], id="init name"),
    pytest.param({"initContainers": [{"name": "i", "image": "b", "livenessProbe": {"tcpSocket": {"port": 1}}}]}, ["spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"], id="init probe"),
    pytest.param({"ephemeralContainers": [{"name": "e", "image": "b"}]}, ["spec.ephemeralContainers: Forbidden: cannot be set on create"], id="ephemeral"),
    pytest.param({"restartPolicy": "Sometimes"}, ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'], id="restart"),
    pytest.param({"dnsPolicy": "None"}, ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"], id="dns"),
    pytest.param({"volumes": [{"name": "a"}, {"name": "a"}]}, ['spec.volumes[1].name: Duplicate value: "a"'], id="volumes"),
    pytest.param({"volumes": [{"name": "A"}]}, ["spec.volumes[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"], id="volume name"),
    pytest.param({"volumes": [{"name": "a", "emptyDir": {}, "secret": {"secretName": "s"}}]}, ["spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"], id="two sources"),
    pytest.param({"volumes": [{"name": "a", "secret": {}}]}, ["spec.volumes[0].secret.secretName: Required value"], id="secret"),
    pytest.param({"volumes": [{"name": "a", "configMap": {"name": "m", "defaultMode": 512}}]}, ["spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"], id="mode"),
    pytest.param({"volumes": [{"name": "a", "configMap": {"name": "m", "items": [{"key": "k", "path": "/p"}]}}]}, ['spec.volumes[0].configMap.items[0].path: Invalid value: "/p": must be a relative path'], id="item"),
    pytest.param({"volumes": [{"name": "a", "hostPath": {"path": "/a/../b", "type": "x"}}]}, ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'", 'spec.volumes[0].hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"'], id="host path"),
    pytest.param({"serviceAccountName": "a", "volumes": [{"name": "a", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 1}}]}}]}, ["spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes"], id="token"),
    pytest.param({"volumes": [{"name": "a", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}, ["spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set"], id="token of nobody"),
    pytest.param({"nodeSelector": {"a": "b c"}}, ['spec.nodeSelector: Invalid value: "b c"'], id="node selector"),
    pytest.param({"nodeName": "n", "schedulingGates": [{"name": "g"}]}, ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"], id="gated"),
    pytest.param({"tolerations": [{"value": "a"}]}, ['spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"'], id="toleration"),
    pytest.param({"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 1, "effect": "NoSchedule"}]}, ["spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set"], id="seconds"),
    pytest.param({"activeDeadlineSeconds": 0}, ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"], id="deadline"),
    pytest.param({"hostname": "a.b"}, ['spec.hostname: Invalid value: "a.b": must not contain dots'], id="hostname"),
    pytest.param({"hostNetwork": True, "containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 1, "hostPort": 2}]}]}, ["spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true"], id="host network"),
    pytest.param({"securityContext": {"sysctls": [{"name": "net.a"}]}, "hostNetwork": True}, ["spec.securityContext.sysctls[0].name: Invalid value: \"net.a\": may not be specified when 'hostNetwork' is true"], id="sysctl"),
    pytest.param({"securityContext": {"seccompProfile": {"type": "Localhost"}}}, ["spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"], id="seccomp"),
    pytest.param({"hostUsers": False, "hostPID": True}, ["spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false"], id="host users"),
    pytest.param({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "a", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}]}}}, ["spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"], id="affinity"),
    pytest.param({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}}, ["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term"], id="node affinity"),
    pytest.param({"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "x"}]}, ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero", 'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "x": supported values: "DoNotSchedule", "ScheduleAnyway"'], id="spread"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), SPEC)
def test_a_spec_that_breaks_a_rule(spec: Obj, expected: list[str], complaints: Any) -> None:
    found = complaints(kinds.POD, pod(**spec))
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def changed(**spec: Any) -> Obj:
    return pod(tolerations=[{"key": "a", "operator": "Exists"}], **spec)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(pod({"image": "nginx:2", "imagePullPolicy": "Always"}), id="image"),
        pytest.param(pod(activeDeadlineSeconds=5), id="deadline"),
        pytest.param(pod(tolerations=[{"operator": "Exists"}]), id="toleration"),
        pytest.param(pod(hostNetwork=False), id="what it was anyway"),
        pytest.param({**pod(), "metadata": {"labels": {"a": "b"}}}, id="labels"),
    ],
)
def test_changes_that_a_pod_takes(new: Obj, change_complaints: Any) -> None:
    assert change_complaints(kinds.POD, new, pod()) == []


def test_any_other_change_is_refused_by_naming_it(change_complaints: Any) -> None:
    (text,) = change_complaints(kinds.POD, pod({"env": [{"name": "A"}]}, nodeName="n"), pod())
    assert text.startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    )
    assert text.endswith("changed: spec.containers[0].env, spec.nodeName")


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        pytest.param(
            pod(
                containers=[{"name": "a", "image": "b"}] * 0
                + [{"name": "a", "image": "b"}, {"name": "d", "image": "b"}]
            ),
            pod(),
            "spec.containers: Forbidden: pod updates may not add or remove containers",
            id="containers",
        ),
        pytest.param(
            pod(activeDeadlineSeconds=9),
            pod(activeDeadlineSeconds=5),
            "spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value",
            id="later",
        ),
        pytest.param(
            pod(),
            pod(activeDeadlineSeconds=5),
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
            id="no deadline",
        ),
        pytest.param(
            pod(),
            changed(),
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
            id="toleration gone",
        ),
        pytest.param(
            pod(schedulingGates=[{"name": "g"}]),
            pod(),
            "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
            id="gate",
        ),
        pytest.param(
            {**pod(), "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}},
            pod(),
            "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation",
            id="mirror",
        ),
    ],
)
def test_changes_with_rules_of_their_own(new: Obj, old: Obj, text: str, change_complaints: Any) -> None:
    assert change_complaints(kinds.POD, new, old) == [text]


def test_a_gated_pod_can_be_narrowed_to_nodes(change_complaints: Any) -> None:
    gates = [{"name": "g"}]
    narrowed = pod(schedulingGates=gates, nodeSelector={"a": "b", "c": "d"})
    assert change_complaints(kinds.POD, narrowed, pod(schedulingGates=gates, nodeSelector={"a": "b"})) == []
    (text,) = change_complaints(kinds.POD, narrowed, pod(schedulingGates=gates, nodeSelector={"a": "x"}))
    assert "only additions to spec.nodeSelector are allowed" in text


def test_a_container_that_ended_for_good_stays_ended(status_complaints: Any) -> None:
    def with_state(state: Obj) -> Obj:
        return {**pod(restartPolicy="OnFailure"), "status": {"containerStatuses": [{"name": "c", "state": state}]}}

    running = with_state({"running": {}})
    assert status_complaints(kinds.POD, running, with_state({"terminated": {"exitCode": 1}})) == []
    assert status_complaints(kinds.POD, running, with_state({"terminated": {"exitCode": 0}})) == [
        "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
    ]


def test_a_status_holds_one_address_of_a_family(status_complaints: Any) -> None:
    status = {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "hostIP": "1.1.1.1"}
    (text,) = status_complaints(kinds.POD, {**pod(), "status": status}, pod())
    assert text.startswith("status.podIPs: Invalid value: ")
    assert text.endswith("may specify no more than one IP for each IP family")


def test_ephemeral_containers_are_added_and_never_changed() -> None:
    def debugged(*containers: Obj) -> Obj:
        obj = pod(ephemeralContainers=[{"image": "b", "terminationMessagePolicy": "File", "imagePullPolicy": "Always", **each} for each in containers],
                  restartPolicy="Always", dnsPolicy="ClusterFirst", terminationGracePeriodSeconds=30)  # fmt: skip
        obj["spec"]["containers"][0] |= {"terminationMessagePolicy": "File", "imagePullPolicy": "Always"}
        return {"metadata": {"name": "web", "namespace": "default"}, **obj}

    def texts(new: Obj, old: Obj) -> list[str]:
        causes = validation.on_ephemeral_containers_update(kinds.POD, new, old)
        return [str(cause) for cause in causes]

    one, two = {"name": "a", "targetContainerName": "c"}, {"name": "b"}
    assert texts(debugged(one, two), debugged(one)) == []
    assert texts(debugged(two), debugged(one)) == [
        'spec.ephemeralContainers: Forbidden: existing ephemeral containers "a" may not be removed\n'
    ]
    assert texts(debugged({**one, "image": "x"}), debugged(one)) == [
        'spec.ephemeralContainers: Forbidden: existing ephemeral containers "a" may not be changed\nchanged: image'
    ]
    assert texts(debugged({"name": "c", "targetContainerName": "x", "ports": [{"containerPort": 1, "protocol": "TCP"}]}), debugged()) == [
        'spec.ephemeralContainers[0].name: Duplicate value: "c"',
        'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
        "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
    ]  # fmt: skip


def test_rules_leave_a_pod_as_it_is(complaints: Any) -> None:
    obj = pod()
    before = copy.deepcopy(obj)
    complaints(kinds.POD, obj)
    assert obj == before
