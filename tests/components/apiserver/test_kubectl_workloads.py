"""Every kind that runs, bounds or ranks workloads as kubectl's users meet it: a real server, the real kubectl."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: w}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: w}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: sts, namespace: w}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: sts}}
  template: &template
    metadata: {labels: {app: sts}}
    spec: {containers: [{name: c, image: "i:1", volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds, namespace: w}
spec:
  selector: {matchLabels: {app: ds}}
  template:
    metadata: {labels: {app: ds}}
    spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: "i:1"}]}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: rev, namespace: w}
revision: 3
data: {spec: {template: {}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job, namespace: w}
spec:
  completions: 3
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: "i:1"}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj, namespace: w}
spec:
  schedule: "*/5 * * * *"
  timeZone: Europe/Berlin
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: c, image: "i:1"}]}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: hpa, namespace: w}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: sts}, maxReplicas: 5}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: old, namespace: w}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: sts}
  maxReplicas: 4
  targetCPUUtilizationPercentage: 50
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb, namespace: w}
spec: {minAvailable: 1, selector: {matchLabels: {app: sts}}}
---
apiVersion: v1
kind: PodTemplate
metadata: {name: pt, namespace: w}
template:
  metadata: {labels: {app: pt}}
  spec: {containers: [{name: c, image: "i:1"}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: w}
spec: {hard: {pods: "10", limits.cpu: "4"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: w}
spec: {limits: [{type: Container, max: {cpu: "2"}, default: {cpu: 500m}}]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /data}
  storageClassName: manual
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pvc, namespace: w}
spec: {accessModes: [ReadWriteOnce], storageClassName: manual, resources: {requests: {storage: 1Gi}}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: important}
value: 1000
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: fast}
handler: runc
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec: {selectors: [{cel: {expression: 'device.driver == "gpu.example.com"'}}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: claim, namespace: w}
spec: {devices: {requests: [{name: a, exactly: {deviceClassName: gpu}}]}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: claims, namespace: w}
spec: {spec: {devices: {requests: [{name: a, exactly: {deviceClassName: gpu}}]}}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: slice}
spec:
  driver: gpu.example.com
  nodeName: n1
  pool: {name: n1, generation: 1, resourceSliceCount: 1}
  devices: [{name: gpu-0, attributes: {model: {string: x}}}]
"""

#: resource -> header and the row of the object, as words; `*` stands for any one word (ages and times).
ROWS = {
    "sts/sts": ("NAME READY AGE CONTAINERS IMAGES", "sts 0/2 * c i:1"),
    "ds/ds": (
        "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE CONTAINERS IMAGES SELECTOR",
        "ds 0 0 0 0 0 disk=ssd * c i:1 app=ds",
    ),
    "controllerrevision/rev": ("NAME CONTROLLER REVISION AGE", "rev <none> 3 *"),
    "job/job": ("NAME STATUS COMPLETIONS DURATION AGE CONTAINERS IMAGES SELECTOR", "job Running 0/3 * c i:1 *"),
    "cj/cj": (
        "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE CONTAINERS IMAGES SELECTOR",
        "cj */5 * * * * Europe/Berlin False 0 <none> * c i:1 <none>",
    ),
    "hpa/hpa": (
        "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
        "hpa StatefulSet/sts cpu: <unknown>/80% 1 5 0 *",
    ),
    "hpa/old": (
        "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
        "old StatefulSet/sts cpu: <unknown>/50% 1 4 0 *",
    ),
    "pdb/pdb": ("NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE", "pdb 1 N/A 0 *"),
    "podtemplate/pt": ("NAME CONTAINERS IMAGES POD LABELS", "pt c i:1 app=pt"),
    "limits/limits": ("NAME CREATED AT", "limits *"),
    "pv/pv": (
        "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE "
        "VOLUMEMODE",
        "pv 1Gi RWO Retain Pending manual <unset> * Filesystem",
    ),
    "pvc/pvc": (
        "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE VOLUMEMODE",
        "pvc Pending manual <unset> * Filesystem",
    ),
    "pc/important": ("NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY", "important 1000 false * PreemptLowerPriority"),
    "runtimeclass/fast": ("NAME HANDLER AGE", "fast runc *"),
    "deviceclass/gpu": ("NAME AGE", "gpu *"),
    "resourceclaim/claim": ("NAME STATE AGE", "claim pending *"),
    "resourceclaimtemplate/claims": ("NAME AGE", "claims *"),
    "resourceslice/slice": ("NAME NODE DRIVER POOL AGE", "slice n1 gpu.example.com n1 *"),
}
#: Kinds with lists or selectors that a patch replaces as a whole: kubectl sends them again, though nothing changes.
ALWAYS_CONFIGURED = {"sts", "pdb", "limits", "claim", "claims"}
#: what `describe` must say of an object, beside its name.
DESCRIBED = (
    "Update Strategy:    RollingUpdate",
    "Node-Selector:",
    "Completion Mode:  NonIndexed",
    "Concurrency Policy:            Allow",
    "Min replicas:",
    "Min available:     1",
    "Default Limit  Max Limit/Request Ratio",
    "Access Modes:    RWO",
    "Reclaim Policy:  Retain",
    "PreemptionPolicy:  PreemptLowerPriority",
)
EXPLAINED = {
    "sts.spec.persistentVolumeClaimRetentionPolicy": "whenDeleted",
    "job.spec.podFailurePolicy.rules": "onExitCodes",
    "hpa.spec.behavior": "scaleDown",
    "resourceclaim.spec.devices.requests": "firstAvailable",
}


def tables(text: str) -> dict[str, tuple[str, str]]:
    """What `kubectl get` of several kinds prints: the last word of `kind.group/name` -> header and row."""
    found, header = {}, ""
    for line in filter(None, map(str.split, text.splitlines())):
        if line[0] == "NAME":
            header = " ".join(line)
        elif "/" in line[0]:
            name = line[0].rpartition("/")[2]
            found[name] = (header, " ".join([name, *line[1:]]))
    return found


def fits(row: str, pattern: str) -> bool:
    words, wanted = row.split(), pattern.split()
    return len(words) == len(wanted) and all(
        want in ("*", word) for word, want in zip(words, wanted, strict=True)
    )  # fmt: skip


async def test_a_manifest_of_every_kind_is_applied_shown_described_and_deleted(kubectl):
    applied = await kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert applied.count(" created") == MANIFEST.count("apiVersion: ") - MANIFEST.count("{apiVersion: ")
    assert "Warning" not in applied
    again = await kubectl("apply", "-f", "-", stdin=MANIFEST)
    configured = {line.split()[0].rpartition("/")[2] for line in again.splitlines() if line.endswith(" configured")}
    assert configured == ALWAYS_CONFIGURED, again
    shown = tables(await kubectl("get", "-n", "w", "-o", "wide", *ROWS))
    for resource, (header, row) in ROWS.items():
        found = shown[resource.rpartition("/")[2]]
        assert found[0] == header
        assert fits(found[1], row), (found[1], row)
    described = await kubectl("describe", "-f", "-", stdin=MANIFEST)
    for text in DESCRIBED:
        assert " ".join(text.split()) in " ".join(described.split()), described
    deleted = await kubectl("delete", "--wait=false", "-f", "-", stdin=MANIFEST)
    assert deleted.count(" deleted") == applied.count(" created")


async def test_fields_of_the_kinds_are_explained(kubectl):
    for path, field in EXPLAINED.items():
        assert field in await kubectl("explain", path)


async def test_what_may_not_change_is_refused_with_the_known_words(kubectl):
    manifest = MANIFEST.replace("name: w}", "name: x}").replace("namespace: w", "namespace: x")
    await kubectl("apply", "-f", "-", stdin=manifest)
    changed = manifest.replace("serviceName: web", "serviceName: other")
    refused = await kubectl("apply", "-f", "-", stdin=changed, fails=True)
    assert (
        'The StatefulSet "sts" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    ) in refused
    assert "scaled" in await kubectl("scale", "-n", "x", "sts/sts", "--replicas=3")
    assert "job.batch/job condition met" in await kubectl(
        "wait", "-n", "x", "job/job", "--for=jsonpath={.spec.completions}=3"
    )
    created = await kubectl("create", "job", "-n", "x", "once", "--from=cronjob/cj")
    assert "job.batch/once created" in created
