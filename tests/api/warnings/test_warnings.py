"""What is told about objects that are allowed and will surprise."""
# ruff: noqa: E501
# One case a line, and texts are long.

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api import kinds, warnings

Obj = dict[str, Any]


def pod(container: Obj | None = None, *, annotations: Obj | None = None, **spec: Any) -> Obj:
    containers = [{"name": "c", "image": "i", **(container or {})}]
    return {"metadata": {"name": "x", "annotations": annotations or {}}, "spec": {"containers": containers, **spec}}


def volumes(**source: Any) -> Obj:
    return {"volumes": [{"name": "v", **source}]}


AFFINITY = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k"}]}}
NODES = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]}}
        ]
    }
}

#: (container, spec, annotations, texts; `{}` in them is the path of the spec's owner)
CASES = [
    pytest.param({}, {}, {}, [], id="nothing"),
    pytest.param({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, {}, {}, ['{}spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'], id="variable twice"),
    pytest.param({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A):2"}]}, {}, {}, [], id="variable extended"),
    pytest.param({"resources": {"requests": {"memory": "1500m"}}}, {}, {}, ['{}spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer'], id="fraction"),
    pytest.param({"ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "TCP"}]}, {}, {}, ["{}spec.containers[0].ports[1]: duplicate port definition with {}spec.containers[0].ports[0]"], id="ports"),
    pytest.param({"ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 80}]}, {}, {}, ["{}spec.containers[0].ports[1]: overlapping port definition with {}spec.containers[0].ports[0]"], id="overlapping ports"),
    pytest.param({"ports": [{"containerPort": 80, "hostPort": 1}, {"containerPort": 80, "hostPort": 1, "hostIP": "1.2.3.4"}]}, {}, {}, ["{}spec.containers[0].ports[1]: dangerously ambiguous port definition with {}spec.containers[0].ports[0]"], id="ambiguous ports"),
    pytest.param({"ports": [{"containerPort": 80, "protocol": "TCP", "hostIP": "1.2.3.4"}]}, {}, {}, ["{}spec.containers[0].ports[0]: hostIP set without hostPort: {{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}}"], id="host address"),
    pytest.param({}, {"nodeSelector": {"beta.kubernetes.io/arch": "arm"}}, {}, ['{}spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead'], id="node label"),
    pytest.param({}, {"affinity": NODES}, {}, ['{}spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead'], id="node affinity"),
    pytest.param({}, {"affinity": AFFINITY}, {}, ["{}spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod"], id="pod affinity"),
    pytest.param({}, {"topologySpreadConstraints": [{"topologyKey": "failure-domain.beta.kubernetes.io/zone"}]}, {}, ['{}spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead', "{}spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"], id="spread"),
    pytest.param({}, volumes(cephfs={"monitors": ["a"]}), {}, ["{}spec.volumes[0].cephfs: deprecated in v1.28, non-functional in v1.31+"], id="volume"),
    pytest.param({}, volumes(ephemeral={"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1500m"}}}}}), {}, ['{}spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'], id="claim"),
    pytest.param({}, volumes(configMap={"name": "m", "items": [{"path": "a"}, {"path": "a/b"}]}), {}, ['volume "v" (ConfigMap "m"): overlapping paths: "a/b" with "a"'], id="paths"),
    pytest.param({}, volumes(projected={"sources": [{"secret": {"name": "s", "items": [{"path": "token"}]}}, {"serviceAccountToken": {"path": "token"}}, {}]}), {}, ['volume "v" (Projected ServiceAccountToken): overlapping paths: "token" with "token"', 'volume "v" (Projected) has no sources provided'], id="projected"),
    pytest.param({}, {"hostAliases": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.4"}]}, {}, ['{}spec.hostAliases[1].ip: duplicate ip "1.2.3.4"'], id="aliases"),
    pytest.param({}, {"imagePullSecrets": [{"name": "a"}, {"name": "a"}, {}]}, {}, ['{}spec.imagePullSecrets[1].name: duplicate name "a"', '{}spec.imagePullSecrets[2].name: invalid empty name ""'], id="secrets"),
    pytest.param({}, {"terminationGracePeriodSeconds": -1}, {}, ["{}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"], id="grace"),
    pytest.param({}, {}, {"scheduler.alpha.kubernetes.io/critical-pod": ""}, ['{}metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead'], id="annotation"),
    pytest.param({}, {}, {"container.apparmor.security.beta.kubernetes.io/c": "x"}, ['{}metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead'], id="apparmor"),
    pytest.param({"securityContext": {"seccompProfile": {}}}, {}, {"container.seccomp.security.alpha.kubernetes.io/c": "x"}, [], id="seccomp in field"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "spec", "annotations", "expected"), CASES)
def test_a_pod_and_a_template_are_told_the_same(
    container: Obj, spec: Obj, annotations: Obj, expected: list[str]
) -> None:
    given = pod(container, annotations=annotations, **spec)
    for kind, obj, path in (
        (kinds.POD, given, ""),
        (kinds.DEPLOYMENT, {"metadata": {"name": "x"}, "spec": {"template": given}}, "spec.template."),
        (
            kinds.CRON_JOB,
            {"metadata": {"name": "x"}, "spec": {"jobTemplate": {"spec": {"template": given}}}},
            "spec.jobTemplate.spec.template.",
        ),
    ):
        assert list(dict.fromkeys(warnings.on_create(kind, copy.deepcopy(obj)))) == [
            text.format(path, path) for text in expected
        ]


def test_an_update_is_told_when_the_spec_changed_and_pods_never() -> None:
    old = {"metadata": {"name": "x", "generation": 1}, "spec": {"template": pod(terminationGracePeriodSeconds=-1)}}
    new = {**old, "metadata": {"name": "x", "generation": 2}}
    assert warnings.on_update(kinds.DEPLOYMENT, new, old) == [
        "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
    ]
    assert warnings.on_update(kinds.DEPLOYMENT, {**old}, old) == []
    assert warnings.on_update(kinds.POD, pod(terminationGracePeriodSeconds=-1), pod()) == []


NAMES = "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"


@pytest.mark.parametrize(
    ("kind", "obj", "expected"),
    [
        pytest.param(kinds.POD, {"metadata": {"name": "a.b"}}, ["metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"], id="pod"),
        pytest.param(kinds.DEPLOYMENT, {"metadata": {"name": "a.b"}}, [NAMES], id="deployment"),
        pytest.param(kinds.JOB, {"metadata": {"name": "a.b"}}, [NAMES], id="job"),
        pytest.param(kinds.JOB, {"spec": {"completionMode": "Indexed", "completions": 100001, "parallelism": 10001}}, ["In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"], id="large job"),
        pytest.param(kinds.CRON_JOB, {"spec": {"schedule": "TZ=UTC * * * * *"}}, ["CRON_TZ or TZ used in spec.schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"], id="cron job"),
        pytest.param(kinds.STATEFUL_SET, {"spec": {"revisionHistoryLimit": -1}}, ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"], id="stateful set"),
        pytest.param(kinds.PERSISTENT_VOLUME, {"spec": {"persistentVolumeReclaimPolicy": "Recycle", "rbd": {}}}, ["spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.", "spec.rbd: deprecated in v1.28, non-functional in v1.31+"], id="volume"),
        pytest.param(kinds.PERSISTENT_VOLUME_CLAIM, {"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "a"}}}, ['metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead'], id="claim"),
        pytest.param(kinds.SERVICE, {"spec": {"clusterIP": "None", "externalIPs": ["1.2.3.4"], "sessionAffinity": "ClientIP"}}, ["spec.externalIPs is ignored for headless services", "spec.SessionAffinity is ignored for headless services"], id="service"),
        pytest.param(kinds.SERVICE_ACCOUNT, {"metadata": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}}, ["metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"], id="account"),
        pytest.param(kinds.RUNTIME_CLASS, {"scheduling": {"nodeSelector": {"beta.kubernetes.io/os": "linux"}}}, ['scheduling.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'], id="runtime"),
        pytest.param(kinds.CONFIG_MAP, {}, [], id="kind without"),
    ],
)  # fmt: skip
def test_what_is_told_about_other_kinds(kind: kinds.Kind, obj: Obj, expected: list[str]) -> None:
    assert warnings.on_create(kind, {**obj, "metadata": {"name": "x", **obj.get("metadata", {})}}) == expected
