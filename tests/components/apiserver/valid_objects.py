"""The least that a good object of each stored kind says, by `KIND.GROUP` or `KIND`."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

_LABELS = {"app": "a"}
_POD = {"containers": [{"name": "main", "image": "nginx"}]}
_TEMPLATE = {"metadata": {"labels": _LABELS}, "spec": _POD}
_WORKLOAD = {"spec": {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}}
_JOB_POD = {"spec": {**_POD, "restartPolicy": "Never"}}
_REFERENCE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_HOOK = {
    "name": "a.example.com",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "rules": [],
}
_VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/a"}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
_EVENT = {
    "eventTime": "2020-01-01T00:00:00.000000Z", "reportingController": "a", "reportingInstance": "b", "action": "c",
    "reason": "d", "type": "Normal", "regarding": {"namespace": "default"},
}  # fmt: skip
_DEVICES = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}]}}
_SLICE = {
    "driver": "d.example.com", "nodeName": "n", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
    "devices": [],
}  # fmt: skip

VALID: dict[str, Obj] = {
    "Pod": {"spec": _POD},
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "ReplicationController": {"spec": {"selector": _LABELS, "template": _TEMPLATE}},
    "PodTemplate": {"template": _TEMPLATE},
    "PersistentVolume": {"spec": _VOLUME},
    "PersistentVolumeClaim": {"spec": _CLAIM},
    "Event": {"involvedObject": {"namespace": "default"}},
    "Event.events.k8s.io": _EVENT,
    "Deployment.apps": _WORKLOAD,
    "ReplicaSet.apps": _WORKLOAD,
    "DaemonSet.apps": _WORKLOAD,
    "StatefulSet.apps": {"spec": {**_WORKLOAD["spec"], "serviceName": "a"}},
    "ControllerRevision.apps": {"revision": 1, "data": {"a": "b"}},
    "Job.batch": {"spec": {"template": _JOB_POD}},
    "CronJob.batch": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _JOB_POD}}}},
    "HorizontalPodAutoscaler.autoscaling": {"spec": {"maxReplicas": 3, "scaleTargetRef": _TARGET}},
    "PodDisruptionBudget.policy": {"spec": {"minAvailable": 1, "selector": {"matchLabels": _LABELS}}},
    "PriorityClass.scheduling.k8s.io": {"value": 5},
    "RuntimeClass.node.k8s.io": {"handler": "h"},
    "DeviceClass.resource.k8s.io": {"spec": {}},
    "ResourceClaim.resource.k8s.io": {"spec": _DEVICES},
    "ResourceClaimTemplate.resource.k8s.io": {"spec": {"spec": _DEVICES}},
    "ResourceSlice.resource.k8s.io": {"spec": _SLICE},
    "EndpointSlice.discovery.k8s.io": {"addressType": "IPv4", "endpoints": []},
    "Ingress.networking.k8s.io": {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}},
    "IngressClass.networking.k8s.io": {"spec": {"controller": "example.com/c"}},
    "NetworkPolicy.networking.k8s.io": {"spec": {"podSelector": {}}},
    "IPAddress.networking.k8s.io": {"spec": {"parentRef": {"resource": "machines", "name": "m"}}},
    "StorageClass.storage.k8s.io": {"provisioner": "example.com/p"},
    "VolumeAttributesClass.storage.k8s.io": {"driverName": "d", "parameters": {"a": "b"}},
    "VolumeAttachment.storage.k8s.io": {
        "spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
    },
    "CSIStorageCapacity.storage.k8s.io": {"storageClassName": "a"},
    "FlowSchema.flowcontrol.apiserver.k8s.io": {"spec": {"priorityLevelConfiguration": {"name": "exempt"}}},
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": {
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
    },
    "ClusterRoleBinding.rbac.authorization.k8s.io": {"roleRef": _REFERENCE},
    "RoleBinding.rbac.authorization.k8s.io": {"roleRef": _REFERENCE},
    "MutatingWebhookConfiguration.admissionregistration.k8s.io": {"webhooks": [_HOOK]},
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io": {"webhooks": [_HOOK]},
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": {
        "spec": {"policyName": "p", "validationActions": ["Audit"]}
    },
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io": {
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["a"]}
                ]
            },
            "validations": [{"expression": "true"}],
        }
    },
}
