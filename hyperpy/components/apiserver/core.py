"""What every verb works with: the store and what stands on it, made once for an API server."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hyperpy.api.kinds import Registry
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.admission import table
from hyperpy.components.apiserver.admission.chain import Chain
from hyperpy.components.apiserver.admission.world import World
from hyperpy.components.apiserver.authz.authorization import AlwaysAllow, Authorizer
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.event_leases import EventLeases
from hyperpy.components.apiserver.metrics.admission import AdmissionMetrics
from hyperpy.components.apiserver.metrics.dynamic_admission import DynamicAdmissionMetrics
from hyperpy.components.apiserver.metrics.watches import WatchMetrics
from hyperpy.components.apiserver.registry.feeds import Feeds
from hyperpy.components.apiserver.registry.metrics import ListMetrics, WriteMetrics
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.apiserver.registry.pages import Lists
from hyperpy.components.apiserver.registry.progress import Progress
from hyperpy.components.apiserver.registry.subscription import Limits
from hyperpy.components.apiserver.services.service_allocation import ServiceAllocation
from hyperpy.components.apiserver.services.service_claims import Claims
from hyperpy.components.instruments import Instruments
from hyperpy.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of the resource core.

    `rng` makes uids, name suffixes and picks of free addresses; `definitions` tells how far the custom kinds are
    followed.
    """

    store: Store
    kinds: Registry
    config: CoreConfig
    clock: Clock
    rng: random.Random
    objects: Objects
    feeds: Feeds
    lists: Lists
    services: ServiceAllocation
    event_leases: EventLeases
    admission: Chain
    definitions: Progress
    watches: WatchMetrics
    instruments: Instruments


def assemble(
    store: Store,
    kinds: Registry,
    config: CoreConfig,
    clock: Clock,
    rng: random.Random,
    instruments: Instruments,
    authorizer: Authorizer | None = None,
) -> Core:
    """Put the parts together. No I/O happens before the first request.

    Args:
        instruments: where the parts count.
        authorizer: whom admission asks what a user may do; None: everybody may do everything.
    """
    objects = Objects(store, WriteMetrics(instruments))
    limits = Limits(config.watch_queue, config.watch_queue_bytes)
    feeds = Feeds(store, clock, bookmark_interval_s=config.bookmark_interval_s, limits=limits)
    metrics = DynamicAdmissionMetrics(instruments)
    world = World(objects, feeds, kinds, clock, rng, authorizer or AlwaysAllow(), config.admission, metrics)
    return Core(
        store=store,
        kinds=kinds,
        config=config,
        clock=clock,
        rng=rng,
        objects=objects,
        feeds=feeds,
        lists=Lists(store, ListMetrics(instruments)),
        services=ServiceAllocation(objects, Claims(objects, clock, rng), config, rng),
        event_leases=EventLeases(objects, clock, ttl_s=config.event_ttl_s, span_s=config.lease_reuse_s),
        admission=Chain(table.plugins(world), AdmissionMetrics(instruments)),
        definitions=Progress(),
        watches=WatchMetrics(instruments),
        instruments=instruments,
    )
