"""Rows of the networking, storage, certificates and flowcontrol groups."""

from __future__ import annotations

from typing import Any

from hyperpy.api import default_class
from hyperpy.api.printers.columns import AGE, NAME, NONE, UNSET, Column, Obj, Printer, number
from hyperpy.api.printers.durations import age, duration

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"

_INGRESS = (
    NAME,
    Column("Class", "The class whose controller serves it."),
    Column("Hosts", "Hosts that it answers for."),
    Column("Address", "Addresses of its load balancer."),
    Column("Ports", "Ports that are open."),
    AGE,
)
_INGRESS_CLASS = (
    NAME,
    Column("Controller", "Who serves Ingresses of this class."),
    Column("Parameters", "An object with settings for the controller."),
    AGE,
)
_NETWORK_POLICY = (NAME, Column("Pod-Selector", "The pods it is about."), AGE)
_IP_ADDRESS = (NAME, Column("ParentRef", "Who has it."))
_SERVICE_CIDR = (NAME, Column("CIDRs", "Ranges of Service addresses."), AGE)
_STORAGE_CLASS = (
    NAME,
    Column("Provisioner", "Who makes volumes of this class."),
    Column("ReclaimPolicy", "What becomes of a volume whose claim is gone."),
    Column("VolumeBindingMode", "When claims are bound."),
    Column("AllowVolumeExpansion", "Whether volumes may grow.", type="boolean"),
    AGE,
)
_ATTRIBUTES_CLASS = (NAME, Column("DriverName", "The driver that knows its parameters."), AGE)
_ATTACHMENT = (
    NAME,
    Column("Attacher", "The driver that attaches."),
    Column("PV", "The volume."),
    Column("Node", "The node it is attached to."),
    Column("Attached", "Whether it is.", type="boolean"),
    AGE,
)
_DRIVER = (
    NAME,
    Column("AttachRequired", "Whether volumes are attached before they are mounted.", type="boolean"),
    Column("PodInfoOnMount", "Whether the driver is told about pods.", type="boolean"),
    Column("StorageCapacity", "Whether the driver says how much room there is.", type="boolean"),
    Column("TokenRequests", "Audiences of the tokens it needs."),
    Column("RequiresRepublish", "Whether mounts are repeated.", type="boolean"),
    Column("Modes", "Kinds of volumes it knows."),
    AGE,
)
_CSI_NODE = (NAME, number("Drivers", "How many drivers the node has."), AGE)
_CAPACITY = (
    NAME,
    Column("StorageClassName", "The class it is about."),
    Column("Capacity", "How much room there is."),
)
_REQUEST = (
    NAME,
    AGE,
    Column("SignerName", "Who is to sign it."),
    Column("Requestor", "Who asked."),
    Column("RequestedDuration", "How long the certificate is to be valid."),
    Column("Condition", "Pending, Approved, Denied, Failed or Issued."),
)
_FLOW_SCHEMA = (
    NAME,
    Column("PriorityLevel", "The level its requests belong to."),
    number("MatchingPrecedence", "Schemas with smaller numbers are asked first."),
    Column("DistinguisherMethod", "What tells flows apart."),
    AGE,
    Column("MissingPL", "Whether its priority level is missing."),
)
_PRIORITY_LEVEL = (
    NAME,
    Column("Type", "Whether it is limited."),
    Column("NominalConcurrencyShares", "Its part of all seats."),
    Column("Queues", "How many queues it has."),
    Column("HandSize", "How many queues a flow may use."),
    Column("QueueLengthLimit", "How many requests may wait in one queue."),
    AGE,
)


def _age(obj: Obj, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now=now)


def _name(obj: Obj) -> str:
    return str(obj["metadata"].get("name", ""))


def _default(obj: Obj, *annotations: str) -> str:
    """The name, and that the class is the default one where it says so."""
    given = obj["metadata"].get("annotations") or {}
    marked = any(given.get(annotation) == "true" for annotation in annotations)
    return f"{_name(obj)} (default)" if marked else _name(obj)


def _ingress(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    chosen = spec.get("ingressClassName") or (obj["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    entries = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    addresses = ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in entries)
    ports = "80, 443" if spec.get("tls") else "80"
    return [_name(obj), chosen or NONE, _hosts(spec.get("rules") or ()), addresses, ports, _age(obj, now)]


def _hosts(rules: Any) -> str:
    """The first three hosts, and how many more there are; `*` where no rule names one."""
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    if not hosts:
        return "*"
    text = ",".join(hosts[:3])
    return text if len(hosts) <= 3 else f"{text} + {len(hosts) - 3} more..."


def _ingress_class(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    parameters, shown = spec.get("parameters"), NONE
    if parameters:
        group = parameters.get("apiGroup")
        shown = f"{parameters.get('kind')}{'.' + group if group else ''}/{parameters.get('name')}"
    return [_name(obj), spec.get("controller") or "", shown, _age(obj, now)]


def _network_policy(obj: Obj, now: float) -> list[Any]:
    return [_name(obj), selector_text((obj.get("spec") or {}).get("podSelector")), _age(obj, now)]


def selector_text(selector: Obj | None) -> str:
    """A label selector as one text: `a=b,c in (d,e)`; `<none>` for one that selects everything."""
    if not selector:
        return NONE
    parts = []
    for key, value in sorted((selector.get("matchLabels") or {}).items()):
        parts.append((key, f"{key}={value}"))
    for each in selector.get("matchExpressions") or ():
        key, values = each.get("key") or "", ",".join(sorted(each.get("values") or ()))
        text = {
            "In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}",
        }.get(each.get("operator") or "", key)  # fmt: skip
        parts.append((key, text))
    return ",".join(text for _, text in sorted(parts)) or NONE


def _ip_address(obj: Obj, now: float) -> list[Any]:
    parent = (obj.get("spec") or {}).get("parentRef") or {}
    steps = [parent.get(step) for step in ("group", "resource", "namespace", "name")]
    return [_name(obj), "/".join(step for step in steps if step) if parent else NONE]


def _service_cidr(obj: Obj, now: float) -> list[Any]:
    return [_name(obj), ",".join((obj.get("spec") or {}).get("cidrs") or ()), _age(obj, now)]


def _storage_class(obj: Obj, now: float) -> list[Any]:
    return [
        _default(obj, *default_class.STORAGE_CLASS),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        _age(obj, now),
    ]


def _attributes_class(obj: Obj, now: float) -> list[Any]:
    return [_name(obj), obj.get("driverName") or "", _age(obj, now)]


def _attachment(obj: Obj, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    volume = (spec.get("source") or {}).get("persistentVolumeName") or ""
    attached = bool(status.get("attached"))
    return [_name(obj), spec.get("attacher") or "", volume, spec.get("nodeName") or "", attached, _age(obj, now)]


def _driver(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    audiences = [request.get("audience") or "" for request in spec.get("tokenRequests") or ()]
    return [
        _name(obj),
        spec.get("attachRequired") is not False,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        ",".join(audiences) if audiences else UNSET,
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        _age(obj, now),
    ]


def _csi_node(obj: Obj, now: float) -> list[Any]:
    return [_name(obj), len((obj.get("spec") or {}).get("drivers") or ()), _age(obj, now)]


def _capacity(obj: Obj, now: float) -> list[Any]:
    return [_name(obj), obj.get("storageClassName") or "", str(obj.get("capacity") or UNSET)]


def _request(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    asked = NONE if seconds is None else duration(seconds)
    signer = spec.get("signerName") or NONE
    return [_name(obj), _age(obj, now), signer, spec.get("username") or "", asked, request_state(obj)]


def request_state(obj: Obj) -> str:
    """What became of a certificate request: `Pending`, or what was decided and done."""
    status = obj.get("status") or {}
    kinds = {condition.get("type") for condition in status.get("conditions") or ()}
    words = [word for word in ("Approved", "Denied", "Failed") if word in kinds]
    if "Approved" in words and "Denied" in words:
        words.remove("Approved")
    if status.get("certificate"):
        words.append("Issued")
    return ",".join(words or ["Pending"])


def _flow_schema(obj: Obj, now: float) -> list[Any]:
    spec, conditions = obj.get("spec") or {}, (obj.get("status") or {}).get("conditions") or ()
    dangling = next((each.get("status") for each in conditions if each.get("type") == "Dangling"), None)
    return [
        _name(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name") or NONE,
        spec.get("matchingPrecedence") or 0,
        (spec.get("distinguisherMethod") or {}).get("type") or NONE,
        _age(obj, now),
        dangling or "?",
    ]


def _priority_level(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    level = spec.get("limited") or spec.get("exempt") or {}
    queuing = (level.get("limitResponse") or {}).get("queuing") or {}
    shares = level.get("nominalConcurrencyShares")
    return [
        _name(obj),
        spec.get("type") or "",
        NONE if shares is None else str(shares),
        *(str(queuing.get(field) or NONE) for field in ("queues", "handSize", "queueLengthLimit")),
        _age(obj, now),
    ]


_NETWORKING, _STORAGE, _FLOW = "networking.k8s.io", "storage.k8s.io", "flowcontrol.apiserver.k8s.io"
PRINTERS = {
    (_NETWORKING, "ingresses"): Printer(_INGRESS, _ingress),
    (_NETWORKING, "ingressclasses"): Printer(_INGRESS_CLASS, _ingress_class),
    (_NETWORKING, "networkpolicies"): Printer(_NETWORK_POLICY, _network_policy),
    (_NETWORKING, "ipaddresses"): Printer(_IP_ADDRESS, _ip_address),
    (_NETWORKING, "servicecidrs"): Printer(_SERVICE_CIDR, _service_cidr),
    (_STORAGE, "storageclasses"): Printer(_STORAGE_CLASS, _storage_class),
    (_STORAGE, "volumeattributesclasses"): Printer(_ATTRIBUTES_CLASS, _attributes_class),
    (_STORAGE, "volumeattachments"): Printer(_ATTACHMENT, _attachment),
    (_STORAGE, "csidrivers"): Printer(_DRIVER, _driver),
    (_STORAGE, "csinodes"): Printer(_CSI_NODE, _csi_node),
    (_STORAGE, "csistoragecapacities"): Printer(_CAPACITY, _capacity),
    ("certificates.k8s.io", "certificatesigningrequests"): Printer(_REQUEST, _request),
    (_FLOW, "flowschemas"): Printer(_FLOW_SCHEMA, _flow_schema),
    (_FLOW, "prioritylevelconfigurations"): Printer(_PRIORITY_LEVEL, _priority_level),
}
