"""Networking, storage, certificates, flow control: what counts as a new generation, who asked for a certificate.

Source: the API reference of each kind; Tasks, "Manage TLS Certificates in a Cluster".
"""

from __future__ import annotations

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.strategy.base import Obj, Strategy

_ASKER = ("username", "uid", "groups", "extra")
_DECIDED = ("Approved", "Denied")
_DRIVER_COUNTED = ("tokenRequests", "requiresRepublish", "seLinuxMount")


def _sign_request(request: Obj, user: UserInfo | None) -> None:
    """A CertificateSigningRequest says who asked, whatever its writer says."""
    spec = request.setdefault("spec", {})
    for field in _ASKER:
        spec.pop(field, None)
    if user is None:
        return
    spec["username"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {name: list(values) for name, values in user.extra.items()}


def _keep_request(new: Obj, old: Obj) -> None:
    """What was asked for stays."""
    new["spec"] = old.get("spec") or {}


def _keep_decision(new: Obj, old: Obj) -> None:
    """A status write leaves the approval alone; one that adds or removes some of it is refused by validation."""
    status = new.get("status") or {}
    conditions, before = status.get("conditions") or [], (old.get("status") or {}).get("conditions") or []
    for kind in _DECIDED:
        given = [index for index, each in enumerate(conditions) if each.get("type") == kind]
        known = [each for each in before if each.get("type") == kind]
        if len(given) == len(known):
            for index, condition in zip(given, known, strict=True):
                conditions[index] = condition


def _note_times(new: Obj, old: Obj, now: str) -> None:
    """Conditions without times get them; a transition that is none keeps its old time."""
    before = (old.get("status") or {}).get("conditions") or ()
    for condition in (new.get("status") or {}).get("conditions") or ():
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = now
        if not condition.get("lastTransitionTime"):
            times = [
                each["lastTransitionTime"]
                for each in before
                if (each.get("type"), each.get("status")) == (condition.get("type"), condition.get("status"))
                and each.get("lastTransitionTime")
            ]
            condition["lastTransitionTime"] = times[0] if times else now


def _count_driver(new: Obj, old: Obj) -> None:
    """Only some of a driver's fields count as a change, and the first one makes generation 1."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if any(now.get(field) != before.get(field) for field in _DRIVER_COUNTED):
        new["metadata"]["generation"] = (old["metadata"].get("generation") or 0) + 1


CERTIFICATE_REQUEST = Strategy(
    requested_by=_sign_request, update=_keep_request, update_status=_keep_decision, note_times=_note_times
)
_COUNTED = Strategy(generation=True)
_VERSIONED = Strategy(needs_resource_version=True)
_STORAGE = "storage.k8s.io"
STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("certificates.k8s.io", "certificatesigningrequests"): CERTIFICATE_REQUEST,
    ("events.k8s.io", "events"): Strategy(create_on_update=True, expires=True),
    ("networking.k8s.io", "ingressclasses"): _COUNTED,
    ("networking.k8s.io", "networkpolicies"): _COUNTED,
    ("networking.k8s.io", "servicecidrs"): Strategy(),  # a status, and no generation
    (_STORAGE, "csidrivers"): Strategy(update=_count_driver, needs_resource_version=True),
    (_STORAGE, "csinodes"): _VERSIONED,
    (_STORAGE, "csistoragecapacities"): _VERSIONED,
    (_STORAGE, "volumeattachments"): _VERSIONED,
}
