"""Roles of Kubernetes' own controllers, for a kube-controller-manager that gives each one an account. Data only.

Our controllers work as `system:kube-controller-manager` and need none of these; a stock controller manager with
`--use-service-account-credentials`, and whoever looks for them, does.
Source: Kubernetes v1.34, "Using RBAC Authorization", "Roles for built-in controllers".
"""

from __future__ import annotations

from hyperpy.components.apiserver.bootstrap.roles import Binding, Role, Rule

_PREFIX = "system:controller:"

#: Controller -> its rules: verbs, group ("-" is the core group) and resources.
_RULES = {
    "attachdetach-controller": """
        list,watch - persistentvolumes,persistentvolumeclaims
        get,list,watch - nodes
        patch,update - nodes/status
        list,watch - pods
        get,list,watch,create,delete storage.k8s.io volumeattachments
        get,list,watch storage.k8s.io csidrivers,csinodes""",
    "clusterrole-aggregation-controller": """
        escalate,get,list,patch,update,watch rbac.authorization.k8s.io clusterroles""",
    "cronjob-controller": """
        get,list,update,watch batch cronjobs
        create,delete,get,list,patch,update,watch batch jobs
        update batch cronjobs/finalizers,cronjobs/status
        list,delete - pods""",
    "daemon-set-controller": """
        get,list,watch apps daemonsets
        update apps daemonsets/finalizers,daemonsets/status
        list,watch - nodes
        create,delete,list,patch,watch - pods
        create - pods/binding
        create,delete,get,list,patch,update,watch apps controllerrevisions""",
    "deployment-controller": """
        get,list,update,watch apps deployments
        update apps deployments/finalizers,deployments/status
        create,delete,get,list,patch,update,watch apps replicasets
        get,list,update,watch - pods""",
    "disruption-controller": """
        get,list,watch apps deployments,replicasets,statefulsets
        get,list,watch - replicationcontrollers
        get,list,watch policy poddisruptionbudgets
        update policy poddisruptionbudgets/status
        list,watch,get - pods
        patch - pods/status
        get * */scale""",
    "endpoint-controller": """
        get,list,watch - services,pods
        create,delete,get,list,update - endpoints
        create - endpoints/restricted""",
    "endpointslice-controller": """
        get,list,watch - services,pods,nodes
        update - services/finalizers
        create,delete,get,list,update discovery.k8s.io endpointslices
        create - endpoints/restricted""",
    "endpointslicemirroring-controller": """
        get,list,watch - services,endpoints
        update - services/finalizers,endpoints/finalizers
        create,delete,get,list,update discovery.k8s.io endpointslices
        create - endpoints/restricted""",
    "ephemeral-volume-controller": """
        update - pods/finalizers
        get,list,watch - pods
        create,get,list,watch - persistentvolumeclaims""",
    "expand-controller": """
        get,list,patch,update,watch - persistentvolumes
        patch,update - persistentvolumeclaims/status
        get,list,watch - persistentvolumeclaims
        get,list,watch storage.k8s.io storageclasses
        get - endpoints,services,secrets""",
    "generic-garbage-collector": """
        delete,get,list,patch,update,watch * *""",
    "horizontal-pod-autoscaler": """
        get,list,watch autoscaling horizontalpodautoscalers
        update autoscaling horizontalpodautoscalers/status
        get,update * */scale
        list - pods
        list metrics.k8s.io pods
        get,list custom.metrics.k8s.io *
        get,list external.metrics.k8s.io *""",
    "job-controller": """
        get,list,patch,update,watch batch jobs
        update batch jobs/status,jobs/finalizers
        create,delete,list,patch,watch - pods""",
    "legacy-service-account-token-cleaner": """
        get - configmaps
        delete,patch - secrets""",
    "namespace-controller": """
        delete,get,list,watch - namespaces
        update - namespaces/finalize,namespaces/status
        delete,deletecollection,get,list * *""",
    "node-controller": """
        delete,get,list,patch,update - nodes
        patch,update - nodes/status
        patch,update - pods/status
        delete,get,list - pods""",
    "persistent-volume-binder": """
        create,delete,get,list,update,watch - persistentvolumes
        update - persistentvolumes/status
        get,list,update,watch - persistentvolumeclaims
        update - persistentvolumeclaims/status
        create,delete,get,list,watch - pods
        get,list,watch storage.k8s.io storageclasses
        create,delete,get,update - endpoints,services
        get - secrets
        get,list,watch - nodes""",
    "pod-garbage-collector": """
        delete,list,watch - pods
        get,list - nodes
        patch - pods/status""",
    "pv-protection-controller": """
        get,list,update,watch - persistentvolumes""",
    "pvc-protection-controller": """
        get,list,update,watch - persistentvolumeclaims
        get,list,watch - pods""",
    "replicaset-controller": """
        get,list,update,watch apps replicasets
        update apps replicasets/finalizers,replicasets/status
        create,delete,list,patch,watch - pods""",
    "replication-controller": """
        get,list,update,watch - replicationcontrollers
        update - replicationcontrollers/finalizers,replicationcontrollers/status
        create,delete,list,patch,watch - pods""",
    "resource-claim-controller": """
        update - pods/finalizers
        get,list,watch - pods
        patch - pods/status
        create,delete,get,list,watch resource.k8s.io resourceclaims
        update resource.k8s.io resourceclaims,resourceclaims/status""",
    "resourcequota-controller": """
        list,watch * *
        update - resourcequotas/status""",
    "root-ca-cert-publisher": """
        create,update - configmaps""",
    "route-controller": """
        list,watch - nodes
        patch - nodes/status""",
    "service-account-controller": """
        create - serviceaccounts""",
    "service-cidrs-controller": """
        get,list,patch,update,watch networking.k8s.io servicecidrs
        patch,update networking.k8s.io servicecidrs/finalizers,servicecidrs/status
        get,list,watch networking.k8s.io ipaddresses""",
    "service-controller": """
        get,list,watch - services
        patch,update - services/status
        list,watch - nodes""",
    "statefulset-controller": """
        list,watch - pods
        get,list,watch apps statefulsets
        update apps statefulsets/finalizers,statefulsets/status
        get,create,delete,update,patch - pods
        create,delete,get,list,patch,update,watch apps controllerrevisions
        create,get - persistentvolumeclaims
        delete,update - persistentvolumeclaims""",
    "ttl-after-finished-controller": """
        delete,get,list,watch batch jobs""",
    "ttl-controller": """
        list,patch,update,watch - nodes""",
    "validatingadmissionpolicy-status-controller": """
        get,list,watch admissionregistration.k8s.io validatingadmissionpolicies
        get,patch,update admissionregistration.k8s.io validatingadmissionpolicies/status""",
    "certificate-controller": """
        delete,get,list,watch certificates.k8s.io certificatesigningrequests
        update certificates.k8s.io certificatesigningrequests/approval,certificatesigningrequests/status
        create authorization.k8s.io subjectaccessreviews""",
}
_SIGNERS = tuple(
    f"kubernetes.io/{name}"
    for name in ("kube-apiserver-client-kubelet", "kube-apiserver-client", "kubelet-serving", "legacy-unknown")
)
_MORE = {
    "certificate-controller": (
        Rule(("approve",), ("signers",), "certificates.k8s.io", names=_SIGNERS[:1]),
        Rule(("sign",), ("signers",), "certificates.k8s.io", names=_SIGNERS),
    )
}
#: These write no Events.
_SILENT = frozenset((
    "clusterrole-aggregation-controller", "generic-garbage-collector", "legacy-service-account-token-cleaner",
    "namespace-controller", "pod-garbage-collector", "ttl-controller",
))  # fmt: skip
_EVENTS = tuple(Rule(("create", "patch", "update"), ("events",), group) for group in ("", "events.k8s.io"))


def _rule(line: str) -> Rule:
    verbs, group, resources = line.split()
    return Rule(verbs.split(","), resources.split(","), "" if group == "-" else group)


def _role(name: str) -> Role:
    rules = [_rule(line) for line in _RULES[name].splitlines() if line.strip()]
    own = () if name in _SILENT else _EVENTS
    return Role(_PREFIX + name, (*rules, *_MORE.get(name, ()), *own))


CLUSTER_ROLES = tuple(_role(name) for name in _RULES)
BINDINGS = tuple(Binding(_PREFIX + name, accounts=(name,)) for name in _RULES)
