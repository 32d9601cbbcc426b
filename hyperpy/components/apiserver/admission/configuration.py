"""`--admission-control-config-file`: an AdmissionConfiguration, of which the plugin PodSecurity is configured.

Source: the API references of `apiserver.config.k8s.io/v1` and `pod-security.admission.config.k8s.io/v1`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hyperpy.api import manifest
from hyperpy.api.podsecurity import LevelVersion, Policy
from hyperpy.api.podsecurity.levels import MODES, level_problem, version_problem
from hyperpy.components.apiserver.admission.pod_security import PodSecuritySettings

API_VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1")
_POD_SECURITY = tuple(f"pod-security.admission.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))


class ConfigurationError(ValueError):
    """A file cannot be used; the message names it and says why."""


def pod_security(path: Path) -> PodSecuritySettings:
    """The settings of PodSecurity in a configuration file; the defaults where it has none.

    Raises:
        ConfigurationError: it cannot be read, does not parse, or configures something that this server has not.
    """
    whole = _read(path)
    _expect(path, whole, "AdmissionConfiguration", API_VERSIONS)
    settings = PodSecuritySettings()
    for plugin in whole.get("plugins") or ():
        name = plugin.get("name") or ""
        if name != "PodSecurity":
            raise ConfigurationError(f'{path}: the plugin "{name}" takes no configuration here; only PodSecurity does')
        at, own = path, plugin.get("configuration")
        if own is None:
            at = path.parent / (plugin.get("path") or "")
            own = _read(at)
        settings = _pod_security(at, own)
    return settings


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
