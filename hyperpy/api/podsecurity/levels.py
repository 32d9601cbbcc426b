"""Levels and versions of the Pod Security Standards, and the labels by which a namespace chooses them.

Source: "Enforce Pod Security Standards with Namespace Labels".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
LATEST = "latest"
PREFIX = "pod-security.kubernetes.io/"
ENFORCE, AUDIT, WARN = "enforce", "audit", "warn"
MODES = (ENFORCE, AUDIT, WARN)

_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)", re.ASCII)
#: Larger than any minor version: what `latest` counts as.
_NEWEST = 1 << 30


@dataclass(frozen=True, slots=True)
class LevelVersion:
    """A level as of a version: `latest` or `v1.x`."""

    level: str = PRIVILEGED
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    @property
    def minor(self) -> int:
        """The minor version to go by."""
        return _NEWEST if self.version == LATEST else int(self.version.removeprefix("v1."))

    @property
    def strictness(self) -> int:
        """0 for privileged, 1 for baseline, 2 for restricted."""
        return LEVELS.index(self.level)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace refuses, what goes to the audit log and what it warns of."""

    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()

    @property
    def allows_all(self) -> bool:
        """Whether no mode asks for anything."""
        return all(mode.level == PRIVILEGED for mode in (self.enforce, self.audit, self.warn))

    def compact(self) -> str:
        """The modes that ask for something: `enforce=baseline:latest, warn=restricted:latest`."""
        each = ((ENFORCE, self.enforce), (AUDIT, self.audit), (WARN, self.warn))
        return ", ".join(f"{name}={mode}" for name, mode in each if mode.level != PRIVILEGED)


def level_problem(level: str) -> str:
    """What is wrong with a level, or ""."""
    return "" if level in LEVELS else f"must be one of {', '.join(LEVELS)}"


def version_problem(version: str) -> str:
    """What is wrong with a version, or ""."""
    return "" if version == LATEST or _VERSION.fullmatch(version) else 'must be "latest" or "v1.x"'


def policy_of(labels: Mapping[str, str] | None, defaults: Policy) -> tuple[Policy, list[Cause]]:
    """The policy that a namespace's labels ask for, and what is wrong with them.

    A policy comes back in any case: a bad `enforce` level counts as restricted, a bad `audit` or `warn` level as
    privileged, a bad version as latest. Without a `warn` level, `warn` is at least as strict as `enforce`.
    """
    causes: list[Cause] = []
    given = labels or {}
    if not any(key.startswith(PREFIX) for key in given):
        return defaults, causes
    enforce = _mode(given, ENFORCE, defaults.enforce, RESTRICTED, causes)
    audit = _mode(given, AUDIT, defaults.audit, PRIVILEGED, causes)
    warn = _mode(given, WARN, defaults.warn, PRIVILEGED, causes)
    if PREFIX + WARN not in given and PREFIX + ENFORCE in given and enforce.strictness > warn.strictness:
        warn = enforce if f"{PREFIX}{WARN}-version" not in given else replace(warn, level=enforce.level)
    return Policy(enforce, audit, warn), causes


def _mode(
    labels: Mapping[str, str], mode: str, default: LevelVersion, bad_level: str, causes: list[Cause]
) -> LevelVersion:
    level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
    if level is None:
        level = default.level
    elif problem := level_problem(level):
        causes.append(cause.invalid(f"metadata.labels[{PREFIX}{mode}]", level, problem))
        level = bad_level
    if version is None:
        version = default.version
    elif problem := version_problem(version):
        causes.append(cause.invalid(f"metadata.labels[{PREFIX}{mode}-version]", version, problem))
        version = LATEST
    return LevelVersion(level, version)
