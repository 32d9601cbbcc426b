"""What admission plugins are made with: the objects they read, who decides what a user may do, and their settings."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hyperpy.api.kinds import Registry
from hyperpy.api.quota import LimitedResource
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.admission.pod_security import PodSecuritySettings
from hyperpy.components.apiserver.authz.authorization import Authorizer
from hyperpy.components.apiserver.metrics.dynamic_admission import DynamicAdmissionMetrics
from hyperpy.components.apiserver.registry.feeds import Feeds
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Settings:
    """Which plugins are asked, and how.

    Args:
        enable: names of plugins to ask beside those that are on by default (`--enable-admission-plugins`).
        disable: names of plugins to leave out (`--disable-admission-plugins`).
        pod_security: of the plugin PodSecurity (`--admission-control-config-file`).
        limited_resources: of the plugin ResourceQuota (in the same file): what may not be used without a quota.
    """

    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    pod_security: PodSecuritySettings = field(default_factory=PodSecuritySettings)
    limited_resources: tuple[LimitedResource, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """The surroundings of the plugins of one API server."""

    objects: Objects
    feeds: Feeds
    kinds: Registry
    clock: Clock
    rng: random.Random
    authorizer: Authorizer
    settings: Settings = field(default_factory=Settings)
    metrics: DynamicAdmissionMetrics = field(default_factory=lambda: DynamicAdmissionMetrics(Instruments()))
