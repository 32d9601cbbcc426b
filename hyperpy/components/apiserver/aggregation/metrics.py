"""Counts which APIServices are not available."""

from __future__ import annotations

from hyperpy.components.apiserver.aggregation.availability import Verdict
from hyperpy.components.instruments import Instruments


class AggregationMetrics:
    """The aggregator's two families, under kube-aggregator's names."""

    def __init__(self, instruments: Instruments) -> None:
        self._now = instruments.gauge(
            "aggregator_unavailable_apiservice",
            "Gauge of APIServices which are marked as unavailable broken down by APIService name.",
            ("name",),
        )
        self._total = instruments.counter(
            "aggregator_unavailable_apiservice_total",
            "Counter of APIServices which are marked as unavailable broken down by APIService name and reason.",
            ("name", "reason"),
        )

    def judged(self, name: str, verdict: Verdict, *, changed: bool) -> None:
        """An APIService was looked at; `changed` when its status said something else before."""
        unavailable = verdict.status != "True"
        self._now.child(name).set(float(unavailable))
        if unavailable and changed:
            self._total.child(name, verdict.reason).inc()

    def gone(self, name: str) -> None:
        """An APIService is no more."""
        self._now.forget(name)
