"""The controls that the level restricted adds: current hardening practice, at the price of compatibility.

Source: "Pod Security Standards", Restricted; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from hyperpy.api.podsecurity.violation import (
    Control,
    Obj,
    Violation,
    containers,
    plural,
    pod_context,
    quoted,
    setters,
    these_containers,
)

_ALLOWED_VOLUMES = frozenset((
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"
))  # fmt: skip
_KNOWN_VOLUMES = frozenset((
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "gitRepo", "glusterfs", "hostPath", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
))  # fmt: skip
_PROFILES = ("RuntimeDefault", "Localhost")


def privilege_escalation(annotations: Obj, spec: Obj) -> Violation | None:
    """No process may gain more than its parent has."""
    bad = [name for name, _, context in containers(spec) if context.get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    detail = f"{these_containers(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def capabilities(annotations: Obj, spec: Obj) -> Violation | None:
    """Every capability is dropped; NET_BIND_SERVICE may come back."""
    keeping, adding, added = [], [], set()
    for name, _, context in containers(spec):
        given = context.get("capabilities") or {}
        if "ALL" not in (given.get("drop") or ()):
            keeping.append(name)
        extra = set(given.get("add") or ()) - {"NET_BIND_SERVICE"}
        if extra:
            adding.append(name)
            added |= extra
    details = []
    if keeping:
        details.append(f'{these_containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        listed = quoted(sorted(added))
        details.append(f"{these_containers(adding)} must not include {listed} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def volumes(annotations: Obj, spec: Obj) -> Violation | None:
    """Volumes are of Kubernetes' own objects, or claims."""
    bad, types = [], set()
    for volume in spec.get("volumes") or ():
        given = {name for name, value in volume.items() if name != "name" and value is not None}
        if not given & _ALLOWED_VOLUMES:
            bad.append(volume["name"])
            types.add(next(iter(sorted(given & _KNOWN_VOLUMES)), "unknown"))
    if not bad:
        return None
    verb = plural("uses", "use", len(bad))
    what = plural("restricted volume type", "restricted volume types", len(types))
    named = f"{plural('volume', 'volumes', len(bad))} {quoted(bad)}"
    return Violation("restricted volume types", f"{named} {verb} {what} {quoted(sorted(types))}")


def run_as_non_root(annotations: Obj, spec: Obj) -> Violation | None:
    """Containers must say that they do not run as root; the Pod may say it for all of them."""
    own = pod_context(spec).get("runAsNonRoot")
    each = [(name, context.get("runAsNonRoot")) for name, _, context in containers(spec)]
    who = setters(own is False, [name for name, value in each if value is False])
    reason = "runAsNonRoot != true"
    if who:
        return Violation(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [name for name, value in each if value is None and not own]
    if silent:
        return Violation(reason, f"pod or {these_containers(silent)} must set securityContext.runAsNonRoot=true")
    return None


def run_as_user(annotations: Obj, spec: Obj) -> Violation | None:
    """Nobody asks for user 0."""
    bad = [name for name, _, context in containers(spec) if context.get("runAsUser") == 0]
    who = setters(pod_context(spec).get("runAsUser") == 0, bad)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(annotations: Obj, spec: Obj) -> Violation | None:
    """A seccomp profile is named, by the Pod or by every container."""
    own = pod_context(spec).get("seccompProfile")
    each = [(name, context.get("seccompProfile")) for name, _, context in containers(spec)]
    bad = [name for name, profile in each if _is_bad(profile)]
    who = setters(_is_bad(own), bad)
    if who:
        profiles = [own, *(profile for _, profile in each)]
        values = sorted({profile.get("type") or "" for profile in profiles if profile is not None and _is_bad(profile)})
        detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}"
        return Violation("seccompProfile", detail)
    silent = [name for name, profile in each if profile is None and own is None]
    if not silent:
        return None
    wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {these_containers(silent)} {wanted}")


def _is_bad(profile: Obj | None) -> bool:
    return profile is not None and profile.get("type") not in _PROFILES


def _not_on_windows(control: Control) -> Control:
    """The same for Pods that do not say that they are for Windows, which knows no such thing."""

    def judge(annotations: Obj, spec: Obj) -> Violation | None:
        if (spec.get("os") or {}).get("name") == "windows":
            return None
        return control(annotations, spec)

    return judge


#: By name, in the order of messages: from which minor version on which control holds.
CONTROLS: dict[str, tuple[tuple[int, Control], ...]] = {
    "allowPrivilegeEscalation": ((8, privilege_escalation), (25, _not_on_windows(privilege_escalation))),
    "capabilities_restricted": ((22, capabilities), (25, _not_on_windows(capabilities))),
    "restrictedVolumes": ((0, volumes),),
    "runAsNonRoot": ((0, run_as_non_root),),
    "runAsUser": ((23, run_as_user),),
    "seccompProfile_restricted": ((19, seccomp), (25, _not_on_windows(seccomp))),
}
#: Controls of baseline that these take the place of.
OVERRIDES = {
    "capabilities_restricted": "capabilities_baseline",
    "restrictedVolumes": "hostPathVolumes",
    "seccompProfile_restricted": "seccompProfile_baseline",
}
