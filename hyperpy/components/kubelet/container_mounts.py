"""The mounts of a container: its volumes, /etc/hosts and the file for its last words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperpy.components.kubelet.volumes import sub_path
from hyperpy.runtime.protocol import Mount
from hyperpy.runtime.spec import ConfigError, expand

Obj = dict[str, Any]

_PROPAGATION = {"None": "private", "HostToContainer": "rslave", "Bidirectional": "rshared"}
DEFAULT_LAST_WORDS = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things of one container are on the host.

    Args:
        volumes: by name.
        hosts_file: the Pod's /etc/hosts, or None when it has none yet.
        pod_dir: the kubelet's directory of the Pod.
        pin_sub_paths: sub paths may be bind-mounted.
    """

    volumes: Mapping[str, Path]
    hosts_file: Path | None
    pod_dir: Path
    pin_sub_paths: bool


def last_words_file(pod_dir: Path, name: str, attempt: int) -> Path:
    """The host side of a container's terminationMessagePath."""
    return pod_dir / "containers" / name / f"{attempt}.message"


def container_mounts(container: Obj, *, attempt: int, env: Mapping[str, str], places: Places) -> Sequence[Mount]:
    """All mounts of a container; makes the file for its last words and the places its sub paths name.

    Raises:
        ConfigError: a mount names no volume, or a sub path uses a variable that is not set.
        VolumeProblem: a sub path leads out of its volume.
        OSError: a file cannot be made.
    """
    found = [
        _mount(container, index, attempt, env, places) for index in range(len(container.get("volumeMounts") or ()))
    ]
    taken = {mount.container_path for mount in found}
    if places.hosts_file is not None and "/etc/hosts" not in taken:
        found.append(Mount(str(places.hosts_file), "/etc/hosts"))
    words = container.get("terminationMessagePath") or DEFAULT_LAST_WORDS
    if words not in taken:
        file = last_words_file(places.pod_dir, container["name"], attempt)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o666)
        found.append(Mount(str(file), words))
    return found


def _mount(container: Obj, index: int, attempt: int, env: Mapping[str, str], places: Places) -> Mount:
    wanted = container["volumeMounts"][index]
    root = places.volumes.get(wanted["name"])
    if root is None:
        raise ConfigError(f'cannot find volume "{wanted["name"]}" to mount into container "{container["name"]}"')
    inner = wanted.get("subPath") or _expanded(wanted, env)
    source = root
    if inner:
        pin = places.pod_dir / "volume-subpaths" / wanted["name"] / container["name"] / f"{attempt}-{index}"
        source = sub_path.resolve(wanted["name"], root, inner, pin_at=pin if places.pin_sub_paths else None)
    return Mount(
        host_path=str(source),
        container_path=wanted["mountPath"],
        read_only=bool(wanted.get("readOnly")),
        propagation=_PROPAGATION[wanted.get("mountPropagation") or "None"],
    )


def _expanded(mount: Obj, env: Mapping[str, str]) -> str:
    """subPathExpr with its variables, all of which must be set."""
    text = mount.get("subPathExpr") or ""
    done = expand(text, env)
    if "$(" in text and expand(text, {}) != text.replace("$$", "$"):
        raise ConfigError(f"subPathExpr {text} is malformed")
    if "$(" in done:
        raise ConfigError(f"missing value for a variable of subPathExpr {text}")
    return done
