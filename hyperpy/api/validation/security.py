"""Rules of security contexts of pods and containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")


def of_pod(context: Obj, spec: Obj, path: str) -> Iterator[Cause]:
    """The security context of a pod spec."""
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from rules.optional(f"{path}.{field}", context.get(field), formats.unix_id)
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        yield from rules.formed(f"{path}.supplementalGroups[{i}]", group, formats.unix_id)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield cause.invalid(f"{path}.shareProcessNamespace", True, text)
    yield from _sysctls(context.get("sysctls") or (), spec, f"{path}.sysctls")
    for field, supported in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        if context.get(field) is not None and context[field] not in supported:
            yield cause.not_supported(f"{path}.{field}", context[field], supported)
    yield from _profiles(context, path)


def of_container(context: Obj, path: str, *, host_users: bool) -> Iterator[Cause]:
    """The security context of a container."""
    for field in ("runAsUser", "runAsGroup"):
        yield from rules.optional(f"{path}.{field}", context.get(field), formats.unix_id)
    proc_mount = context.get("procMount")
    if proc_mount is not None:
        if proc_mount not in ("Default", "Unmasked"):
            yield cause.not_supported(f"{path}.procMount", proc_mount, ("Default", "Unmasked"))
        if proc_mount == "Unmasked" and host_users:
            yield cause.invalid(f"{path}.procMount", proc_mount, "`hostUsers` must be false to use `Unmasked`")
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield cause.invalid(path, context, text)
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield cause.invalid(path, context, text)
    yield from _profiles(context, path)


def host_users(spec: Obj, path: str) -> Iterator[Cause]:
    """Own user namespaces exclude the host's other ones."""
    if spec.get("hostUsers") is not False:
        return
    for field, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            yield cause.forbidden(f"{path}.{shown}", "when `pod.Spec.HostUsers` is false")


def _profiles(context: Obj, path: str) -> Iterator[Cause]:
    for field, title in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        if context.get(field) is not None:
            yield from _profile(context[field], f"{path}.{field}", field=field, title=title)


def _profile(profile: Obj, path: str, *, field: str, title: str) -> Iterator[Cause]:
    kind, local = profile.get("type"), profile.get("localhostProfile")
    if not kind:
        yield cause.required(f"{path}.type", f"type is required when {field} is set")
    elif kind not in _PROFILES:
        yield cause.not_supported(f"{path}.type", kind, _PROFILES)
    if kind != "Localhost":
        if local is not None:
            text = f"can only be set when {title} type is Localhost"
            yield cause.invalid(f"{path}.localhostProfile", local, text)
    elif not local:
        yield cause.required(f"{path}.localhostProfile", f"must be set when {title} type is Localhost")
    elif field == "seccompProfile":
        yield from rules.formed(f"{path}.localhostProfile", local, formats.relative_path)
    elif local != local.strip():
        yield cause.invalid(f"{path}.localhostProfile", local, "must not be padded with whitespace")


def _sysctls(sysctls: Any, spec: Obj, path: str) -> Iterator[Cause]:
    seen = set()
    for i, sysctl in enumerate(sysctls):
        name, place = sysctl.get("name") or "", f"{path}[{i}].name"
        yield from rules.required(place, name, formats.sysctl_name)
        if name in seen:
            yield cause.duplicate(place, name)
        seen.add(name)
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith("net."):
            yield cause.invalid(place, name, "may not be specified when 'hostNetwork' is true")
        if spec.get("hostIPC") and dotted.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")):
            yield cause.invalid(place, name, "may not be specified when 'hostIPC' is true")
