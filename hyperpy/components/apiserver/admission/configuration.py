"""`--admission-control-config-file`: an AdmissionConfiguration with the settings of PodSecurity and ResourceQuota.

Source: the API references of `apiserver.config.k8s.io/v1` and `pod-security.admission.config.k8s.io/v1`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hyperpy.api import manifest
from hyperpy.api.podsecurity import LevelVersion, Policy
from hyperpy.api.podsecurity.levels import MODES, level_problem, version_problem
from hyperpy.api.quota import LimitedResource
from hyperpy.components.apiserver.admission.pod_security import PodSecuritySettings

API_VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1")
_QUOTA = ("apiserver.config.k8s.io/v1", "resourcequota.admission.k8s.io/v1beta1")
_POD_SECURITY = tuple(f"pod-security.admission.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))


class ConfigurationError(ValueError):
    """A file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file says; defaults where it is silent."""

    pod_security: PodSecuritySettings = field(default_factory=PodSecuritySettings)
    limited_resources: tuple[LimitedResource, ...] = ()


def read(path: Path) -> Configuration:
    """The settings in a configuration file.

    Raises:
        ConfigurationError: it cannot be read, does not parse, or configures something that this server has not.
    """
    whole = _read(path)
    _expect(path, whole, "AdmissionConfiguration", API_VERSIONS)
    found = Configuration()
    for plugin in whole.get("plugins") or ():
        name = plugin.get("name") or ""
        if name not in ("PodSecurity", "ResourceQuota"):
            raise ConfigurationError(
                f'{path}: the plugin "{name}" takes no configuration here; PodSecurity and ResourceQuota do'
            )
        at, own = path, plugin.get("configuration")
        if own is None:
            at = path.parent / (plugin.get("path") or "")
            own = _read(at)
        if name == "PodSecurity":
            found = replace(found, pod_security=_pod_security(at, own))
        else:
            found = replace(found, limited_resources=_limited_resources(at, own))
    return found


def _read(path: Path) -> Any:
    try:
        return manifest.load(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except manifest.ManifestError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _expect(path: Path, obj: Any, kind: str, api_versions: Collection[str]) -> None:
    found = (obj.get("apiVersion"), obj.get("kind")) if isinstance(obj, dict) else (None, None)
    if found[1] != kind or found[0] not in api_versions:
        raise ConfigurationError(f"{path}: expected {kind} of {' or '.join(api_versions)}, found {found[1]} {found[0]}")


def _pod_security(path: Path, obj: Any) -> PodSecuritySettings:
    _expect(path, obj, "PodSecurityConfiguration", _POD_SECURITY)
    defaults, exempt = obj.get("defaults") or {}, obj.get("exemptions") or {}
    enforce, audit, warn = (_mode(path, defaults, mode) for mode in MODES)
    return PodSecuritySettings(
        Policy(enforce, audit, warn),
        usernames=frozenset(exempt.get("usernames") or ()),
        namespaces=frozenset(exempt.get("namespaces") or ()),
        runtime_classes=frozenset(exempt.get("runtimeClasses") or ()),
    )


def _mode(path: Path, defaults: dict[str, str], mode: str) -> LevelVersion:
    plain = LevelVersion()
    chosen = LevelVersion(defaults.get(mode) or plain.level, defaults.get(f"{mode}-version") or plain.version)
    for name, value, problem in (
        (mode, chosen.level, level_problem(chosen.level)),
        (f"{mode}-version", chosen.version, version_problem(chosen.version)),
    ):
        if problem:
            raise ConfigurationError(f'{path}: defaults.{name}: "{value}": {problem}')
    return chosen


def _limited_resources(path: Path, obj: Any) -> tuple[LimitedResource, ...]:
    _expect(path, obj, "ResourceQuotaConfiguration", _QUOTA)
    return tuple(
        LimitedResource(
            each.get("apiGroup") or "",
            each.get("resource") or "",
            tuple(each.get("matchContains") or ()),
            tuple(each.get("matchScopes") or ()),
        )
        for each in obj.get("limitedResources") or ()
    )
