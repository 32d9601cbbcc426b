"""Specs as the engine's configuration, and what the engine says of a container as our records. Pure.

Sandboxes and containers are told apart by a label; everything an adopting kubelet needs is in labels too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hyperpy.runtime import pause
from hyperpy.runtime.protocol import Container, ContainerSpec, Mount, Resources, Sandbox, SandboxSpec, Security, State

Obj = dict[str, Any]

SCOPE = "io.hyperpy.scope"
TYPE = "io.hyperpy.type"
_PREFIX = "io.hyperpy."
_SANDBOX, _CONTAINER = "sandbox", "container"
_PERIOD_US = 100_000
_MIN_QUOTA_US = 1_000
#: What the engine keeps of a log until the pump has copied it.
_LOG = {"Type": "json-file", "Config": {"max-size": "64m", "max-file": "2"}}


def sandbox_name(spec: SandboxSpec) -> str:
    """The container name of a pause container, as the kubelet always named them on Docker."""
    return f"k8s_POD_{spec.name}_{spec.namespace}_{spec.uid}_{spec.attempt}"


def sandbox_config(spec: SandboxSpec, *, scope: str, systemd_cgroups: bool) -> Obj:
    """The pause container of a pod.

    Args:
        scope: whose sandboxes these are: several clusters may share an engine.
        systemd_cgroups: the engine's cgroup driver is systemd.
    """
    host: Obj = {
        "NetworkMode": "host" if spec.host_network else "none",
        "IpcMode": "host" if spec.host_ipc else "shareable",
        "PidMode": "host" if spec.host_pid else "",
        "CgroupParent": cgroup_parent(spec.cgroup_parent, systemd=systemd_cgroups),
        "OomScoreAdj": 0,
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": False,
        "LogConfig": {"Type": "none", "Config": {}},
        "Sysctls": dict(spec.sysctls),
        "Dns": list(spec.dns.servers),
        "DnsSearch": list(spec.dns.searches),
        "DnsOptions": list(spec.dns.options),
    }
    if spec.host_network:
        host["UTSMode"] = "host"
    labels = {
        "namespace": spec.namespace,
        "name": spec.name,
        "uid": spec.uid,
        "attempt": str(spec.attempt),
        "share-pid": str(spec.share_pid).lower(),
    }
    return {
        "Image": pause.REFERENCE,
        **({"Hostname": spec.hostname} if spec.hostname else {}),
        "Labels": _labels(_SANDBOX, scope, labels, spec.labels, spec.annotations),
        "HostConfig": host,
    }


def container_name(spec: ContainerSpec, sandbox: Sandbox) -> str:
    return f"k8s_{spec.name}_{sandbox.name}_{sandbox.namespace}_{sandbox.uid}_{spec.attempt}"


def container_config(spec: ContainerSpec, sandbox: Obj, *, scope: str, image_user: str, min_oom: int) -> Obj:
    """A container in the namespaces of its pause container.

    Args:
        sandbox: what the engine says of the pause container.
        image_user: the image's own user: a group alone is added to it.
        min_oom: the lowest oom_score_adj that this host permits.
    """
    joined = f"container:{sandbox['Id']}"
    pid_mode = sandbox["HostConfig"].get("PidMode") or ""
    if sandbox["Config"]["Labels"].get(f"{_PREFIX}share-pid") == "true" and pid_mode != "host":
        pid_mode = joined
    labels = {"sandbox": sandbox["Id"], "container": spec.name, "attempt": str(spec.attempt), "log": spec.log_path}
    return {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        **({"Entrypoint": list(spec.command)} if spec.command is not None else {}),
        **({"Cmd": list(spec.args)} if spec.args is not None else {}),
        **({"WorkingDir": spec.working_dir} if spec.working_dir else {}),
        **_user(spec.security, image_user),
        "Tty": spec.tty,
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin_once,
        "Labels": _labels(_CONTAINER, scope, labels, spec.labels, spec.annotations),
        "HostConfig": {
            "NetworkMode": joined,
            "IpcMode": "host" if sandbox["HostConfig"].get("IpcMode") == "host" else joined,
            "PidMode": pid_mode,
            "UTSMode": sandbox["HostConfig"].get("UTSMode") or "",
            "CgroupParent": sandbox["HostConfig"].get("CgroupParent") or "",
            "Mounts": [_mount(mount) for mount in spec.mounts],
            "LogConfig": _LOG,
            **_resources(spec.resources, min_oom),
            **_security(spec.security),
        },
    }


def cgroup_parent(path: str, *, systemd: bool) -> str:
    """`/kubepods/burstable/podUID`, or as a systemd slice `kubepods-burstable-podUID.slice`."""
    if not systemd or not path:
        return path
    return "-".join(part.replace("-", "_") for part in path.strip("/").split("/")) + ".slice"


def _labels(kind: str, scope: str, own: Mapping[str, str], labels: Mapping[str, str], notes: Mapping[str, str]) -> Obj:
    """Every fact as a label; our labels and annotations are kept whole beside them."""
    return {
        **labels,
        SCOPE: scope,
        TYPE: kind,
        **{_PREFIX + key: value for key, value in own.items()},
        f"{_PREFIX}annotations": json.dumps(dict(notes), sort_keys=True),
    }


def _user(security: Security, image_user: str) -> Obj:
    if security.user is None and security.group is None:
        return {}
    user = str(security.user) if security.user is not None else image_user.partition(":")[0] or "0"
    return {"User": user if security.group is None else f"{user}:{security.group}"}


def _mount(mount: Mount) -> Obj:
    return {
        "Type": "bind",
        "Source": mount.host_path,
        "Target": mount.container_path,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": "r" + mount.propagation.removeprefix("r")},
    }


def _resources(wanted: Resources, min_oom: int) -> Obj:
    found: Obj = {"OomScoreAdj": max(min_oom, wanted.oom_score_adj)}
    if wanted.cpu_shares:
        found["CpuShares"] = wanted.cpu_shares
    if wanted.cpu_limit_millis:
        found["CpuPeriod"] = _PERIOD_US
        found["CpuQuota"] = max(_MIN_QUOTA_US, wanted.cpu_limit_millis * _PERIOD_US // 1000)
    if wanted.memory_limit_bytes:
        found["Memory"] = found["MemorySwap"] = wanted.memory_limit_bytes
    if wanted.pids_limit:
        found["PidsLimit"] = wanted.pids_limit
    return found


def _security(wanted: Security) -> Obj:
    options = ["no-new-privileges"] if wanted.no_new_privileges else []
    if wanted.seccomp == "Unconfined":
        options.append("seccomp=unconfined")
    return {
        "Privileged": wanted.privileged,
        "ReadonlyRootfs": wanted.read_only_root,
        "GroupAdd": [str(group) for group in wanted.supplemental_groups],
        "CapAdd": list(wanted.add_capabilities),
        "CapDrop": list(wanted.drop_capabilities),
        "SecurityOpt": options,
    }


def is_sandbox(found: Obj) -> bool:
    """Whether an inspected container is a pause container."""
    return bool(found["Config"]["Labels"].get(TYPE) == _SANDBOX)


def sandbox(found: Obj) -> Sandbox:
    """A sandbox from what the engine says of its pause container."""
    labels, state = found["Config"]["Labels"], found["State"]
    private = found["HostConfig"].get("NetworkMode") == "none"
    return Sandbox(
        id=found["Id"],
        namespace=labels[f"{_PREFIX}namespace"],
        name=labels[f"{_PREFIX}name"],
        uid=labels[f"{_PREFIX}uid"],
        attempt=int(labels[f"{_PREFIX}attempt"]),
        ready=bool(state["Running"]),
        created_at_ns=nanoseconds(found["Created"]),
        netns=f"/proc/{state['Pid']}/ns/net" if private and state["Running"] else None,
        labels=_own_labels(labels),
        annotations=_annotations(labels),
    )


def container(found: Obj) -> Container:
    """A container from what the engine says of it."""
    labels, state = found["Config"]["Labels"], found["State"]
    kind = _state(state)
    code = int(state["ExitCode"])
    failed = kind is State.EXITED and not nanoseconds(state["StartedAt"])
    return Container(
        id=found["Id"],
        sandbox_id=labels[f"{_PREFIX}sandbox"],
        name=labels[f"{_PREFIX}container"],
        attempt=int(labels[f"{_PREFIX}attempt"]),
        state=kind,
        image=found["Config"]["Image"],
        image_id=found["Image"],
        created_at_ns=nanoseconds(found["Created"]),
        started_at_ns=nanoseconds(state["StartedAt"]),
        finished_at_ns=_finished_at(found) if kind is State.EXITED else 0,
        exit_code=code,
        reason=_reason(state, failed=failed) if kind is State.EXITED else "",
        message=state.get("Error") or "",
        log_path=labels[f"{_PREFIX}log"],
        labels=_own_labels(labels),
        annotations=_annotations(labels),
    )


def _finished_at(found: Obj) -> int:
    """When it ended; one that could not even be started ended when it was made."""
    return nanoseconds(found["State"]["FinishedAt"]) or nanoseconds(found["Created"])


def _state(state: Obj) -> State:
    if state["Running"] or state.get("Paused"):
        return State.RUNNING
    if state["Status"] == "created" and not state.get("Error"):
        return State.CREATED
    return State.EXITED if state["Status"] in ("exited", "dead", "created") else State.UNKNOWN


def _reason(state: Obj, *, failed: bool) -> str:
    if state.get("OOMKilled"):
        return "OOMKilled"
    if failed:
        return "ContainerCannotRun"
    return "Completed" if state["ExitCode"] == 0 else "Error"


def _own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if not key.startswith(_PREFIX)}


def _annotations(labels: Mapping[str, str]) -> dict[str, str]:
    return dict(json.loads(labels.get(f"{_PREFIX}annotations") or "{}"))


def nanoseconds(text: str) -> int:
    """The engine's RFC 3339 time with up to nine fraction digits; its zero time is 0."""
    whole, dot, rest = text.rstrip("Z").partition(".")
    if whole.startswith("0001-"):
        return 0
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + (int(rest.ljust(9, "0")[:9]) if dot else 0)
