"""The controls of the level baseline: what nearly every Pod can do without.

Source: "Pod Security Standards", Baseline; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from collections.abc import Collection

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

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_PROFILES = ("RuntimeDefault", "Localhost")
_CAPABILITIES = frozenset((
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
))  # fmt: skip
_SELINUX = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
_SYSCTLS = frozenset((
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range", "net.ipv4.tcp_syncookies",
))  # fmt: skip
_SYSCTLS_27 = _SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
_SYSCTLS_29 = _SYSCTLS_27 | {
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
}  # fmt: skip
_SYSCTLS_32 = _SYSCTLS_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}


def apparmor(annotations: Obj, spec: Obj) -> Violation | None:
    """AppArmor profiles are the runtime's own or the node's."""
    own = _profile(pod_context(spec), "appArmorProfile")
    each = {name: _profile(context, "appArmorProfile") for name, _, context in containers(spec)}
    bad = [name for name, profile in each.items() if profile not in (None, *_PROFILES)]
    values = sorted({str(value) for value in (own, *each.values()) if value not in (None, *_PROFILES)})
    noted = sorted(
        f"{key}={quoted([value])}"
        for key, value in annotations.items()
        if key.startswith(_APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    who = setters(own not in (None, *_PROFILES), bad)
    if noted:
        who = " and ".join(filter(None, [who, plural("annotation", "annotations", len(noted))]))
    if not who:
        return None
    values += noted
    reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", len(values))
    return Violation(reason, f"{who} must not set AppArmor profile type to {quoted(values)}")


def capabilities(annotations: Obj, spec: Obj) -> Violation | None:
    """Only capabilities that runtimes give anyway are added."""
    bad, extra = [], set()
    for name, _, context in containers(spec):
        added = set((context.get("capabilities") or {}).get("add") or ()) - _CAPABILITIES
        if added:
            bad.append(name)
            extra |= added
    if not bad:
        return None
    detail = f"{these_containers(bad)} must not include {quoted(sorted(extra))} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail)


def host_namespaces(annotations: Obj, spec: Obj) -> Violation | None:
    """The Pod has namespaces of its own."""
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def host_path_volumes(annotations: Obj, spec: Obj) -> Violation | None:
    """No volume is a path of the node."""
    bad = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{plural('volume', 'volumes', len(bad))} {quoted(bad)}") if bad else None


def host_ports(annotations: Obj, spec: Obj) -> Violation | None:
    """No container takes a port of the node."""
    bad, taken = [], set()
    for name, container, _ in containers(spec):
        ports = {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        if ports:
            bad.append(name)
            taken |= ports
    if not bad:
        return None
    verb, what = plural("uses", "use", len(bad)), plural("hostPort", "hostPorts", len(taken))
    return Violation("hostPort", f"{these_containers(bad)} {verb} {what} {', '.join(sorted(taken))}")


def host_probes(annotations: Obj, spec: Obj) -> Violation | None:
    """Probes and lifecycle handlers speak to the Pod itself."""
    bad, hosts = set(), set()
    for name, container, _ in containers(spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        found = {((each or {}).get(kind) or {}).get("host") for each in handlers for kind in ("httpGet", "tcpSocket")}
        found -= {None, ""}
        if found:
            bad.add(name)
            hosts |= found
    if not bad:
        return None
    verb = plural("uses", "use", len(bad))
    what = plural("probe or lifecycle host", "probe or lifecycle hosts", len(hosts))
    detail = f"{these_containers(sorted(bad))} {verb} {what} {quoted(sorted(map(str, hosts)))}"
    return Violation("probe or lifecycle host", detail)


def privileged(annotations: Obj, spec: Obj) -> Violation | None:
    """No container is privileged."""
    bad = [name for name, _, context in containers(spec) if context.get("privileged")]
    if not bad:
        return None
    return Violation("privileged", f"{these_containers(bad)} must not set securityContext.privileged=true")


def proc_mount(annotations: Obj, spec: Obj) -> Violation | None:
    """/proc is masked as usual."""
    found = {name: context.get("procMount") for name, _, context in containers(spec)}
    bad = [name for name, value in found.items() if value not in (None, "Default")]
    if not bad:
        return None
    values = sorted({str(found[name]) for name in bad})
    return Violation("procMount", f"{these_containers(bad)} must not set securityContext.procMount to {quoted(values)}")


def selinux(types: Collection[str]) -> Control:
    """SELinux types are those of containers; users and roles are not chosen."""

    def judge(annotations: Obj, spec: Obj) -> Violation | None:
        def is_bad(options: Obj) -> bool:
            return bool((options.get("type") or "") not in types or options.get("user") or options.get("role"))

        own = pod_context(spec).get("seLinuxOptions") or {}
        each = [(name, context.get("seLinuxOptions") or {}) for name, _, context in containers(spec)]
        bad = [name for name, options in each if is_bad(options)]
        who = setters(is_bad(own), bad)
        if not who:
            return None
        everything = [own, *(options for _, options in each)]
        wrong = sorted({options.get("type") or "" for options in everything} - set(types))
        data = [f"{plural('type', 'types', len(wrong))} {quoted(wrong)}"] if wrong else []
        data += [f"{name} may not be set" for name in ("user", "role") if any(each.get(name) for each in everything)]
        return Violation("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")

    return judge


def seccomp_annotations(annotations: Obj, spec: Obj) -> Violation | None:
    """Seccomp profiles named by annotations, as before v1.19."""
    keys = [_SECCOMP_POD, *(f"{_SECCOMP_CONTAINER}{name}" for name, _, _ in containers(spec))]
    bad = {
        f"{key}={quoted([annotations[key]])}"
        for key in keys
        if key in annotations
        and annotations[key] not in ("runtime/default", "docker/default")
        and not annotations[key].startswith("localhost/")
    }
    if not bad:
        return None
    return Violation(
        "seccompProfile", f"forbidden {plural('annotation', 'annotations', len(bad))} {', '.join(sorted(bad))}"
    )


def seccomp(annotations: Obj, spec: Obj) -> Violation | None:
    """Seccomp is not switched off."""
    own = _profile(pod_context(spec), "seccompProfile")
    each = [(name, _profile(context, "seccompProfile")) for name, _, context in containers(spec)]
    bad = [name for name, profile in each if profile not in (None, *_PROFILES)]
    who = setters(own not in (None, *_PROFILES), bad)
    if not who:
        return None
    values = sorted(
        {str(value) for value in (own, *(profile for _, profile in each)) if value not in (None, *_PROFILES)}
    )
    return Violation("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}")


def sysctls(allowed: Collection[str]) -> Control:
    """Only sysctls that stay within the Pod are set."""

    def judge(annotations: Obj, spec: Obj) -> Violation | None:
        given = [each.get("name") or "" for each in pod_context(spec).get("sysctls") or ()]
        bad = [name for name in given if name not in allowed]
        return Violation("forbidden sysctls", ", ".join(bad)) if bad else None

    return judge


def windows_host_process(annotations: Obj, spec: Obj) -> Violation | None:
    """No container is a process of a Windows node itself."""

    def is_bad(context: Obj) -> bool:
        return bool((context.get("windowsOptions") or {}).get("hostProcess"))

    who = setters(is_bad(pod_context(spec)), [name for name, _, context in containers(spec) if is_bad(context)])
    if not who:
        return None
    return Violation("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true")


def _profile(context: Obj, name: str) -> str | None:
    """The type of a profile, "" for one without, None where there is no profile."""
    profile = context.get(name)
    return None if profile is None else profile.get("type") or ""


#: By name, in the order of messages: from which minor version on which control holds.
CONTROLS: dict[str, tuple[tuple[int, Control], ...]] = {
    "appArmorProfile": ((0, apparmor),),
    "capabilities_baseline": ((0, capabilities),),
    "hostNamespaces": ((0, host_namespaces),),
    "hostPathVolumes": ((0, host_path_volumes),),
    "hostPorts": ((0, host_ports),),
    "hostProbesAndHostLifecycle": ((34, host_probes),),
    "privileged": ((0, privileged),),
    "procMount": ((0, proc_mount),),
    "seLinuxOptions": ((0, selinux(_SELINUX)), (31, selinux(_SELINUX | {"container_engine_t"}))),
    "seccompProfile_baseline": ((0, seccomp_annotations), (19, seccomp)),
    "sysctls": ((0, sysctls(_SYSCTLS)), (27, sysctls(_SYSCTLS_27)), (29, sysctls(_SYSCTLS_29)),
                (32, sysctls(_SYSCTLS_32))),
    "windowsHostProcess": ((0, windows_host_process),),
}  # fmt: skip
