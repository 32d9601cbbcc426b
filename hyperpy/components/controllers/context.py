"""What every controller is given: the API, the caches, the time, events, and the options of the component."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hyperpy.api.kinds import Kind, Registry
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Callback, Informer, Informers
from hyperpy.client.protocol import Client
from hyperpy.components.controllers.options import Options


@dataclass(frozen=True, slots=True)
class Context:
    """The world of the controllers of one component.

    Args:
        registry: every kind there is.
        recorders: event recorders by component name; the component runs them.
        subscriptions: what ends the subscriptions made here; the component calls them when it stops.
    """

    client: Client
    informers: Informers
    clock: Clock
    options: Options
    rng: random.Random
    registry: Registry
    recorders: dict[str, EventRecorder] = field(default_factory=dict)
    subscriptions: list[Callable[[], None]] = field(default_factory=list)

    def events(self, component: str) -> EventRecorder:
        """The recorder for a component name as users see it in `source.component`."""
        if component not in self.recorders:
            self.recorders[component] = EventRecorder(self.client, component, self.clock)
        return self.recorders[component]

    def watch(self, kind: Kind, callback: Callback, *, namespace: str | None = None) -> Informer:
        """The informer of a kind, with a callback that lasts as long as the component runs."""
        informer = self.informers.of(kind, namespace=namespace)
        self.subscriptions.append(informer.subscribe(callback))
        return informer

    def unsubscribe(self) -> None:
        """End every subscription made through this context."""
        while self.subscriptions:
            self.subscriptions.pop()()
