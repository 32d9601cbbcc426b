"""Metrics as Prometheus reads them. The one file that knows prometheus_client, which it loads at the first scrape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from hyperpy.components.instruments import COUNTER, Buckets, Snapshot

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(snapshots: Sequence[Snapshot], *, process: bool) -> bytes:
    """The metrics in the text format 0.0.4. Call it in a thread: thousands of lines take tens of milliseconds.

    Args:
        process: add `process_*` and `python_info` of this process.
    """
    from prometheus_client.exposition import generate_latest

    return generate_latest(_Collector(snapshots, process=process))


class _Collector:
    """What prometheus_client asks of a registry."""

    def __init__(self, snapshots: Sequence[Snapshot], *, process: bool) -> None:
        self._snapshots = snapshots
        self._process = process

    def collect(self) -> Iterator[Metric]:
        for snapshot in self._snapshots:
            yield _metric(snapshot)
        if self._process:
            for collector in _process_collectors():
                yield from collector.collect()


@cache
def _process_collectors() -> tuple[Any, ...]:
    from prometheus_client import CollectorRegistry
    from prometheus_client.platform_collector import PlatformCollector
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    return ProcessCollector(registry=registry), PlatformCollector(registry=registry)


def _metric(snapshot: Snapshot) -> Metric:
    from prometheus_client.core import Metric

    name, kind = snapshot.name, snapshot.kind
    if kind == COUNTER:
        # The library insists on "_total"; Kubernetes has a few older counters without it.
        kind = COUNTER if name.endswith("_total") else "unknown"
    metric = Metric(name.removesuffix("_total") if kind == COUNTER else name, snapshot.text, kind)
    for values, sample in snapshot.samples:
        labels = dict(zip(snapshot.labels, values, strict=True))
        if isinstance(sample, Buckets):
            _add_buckets(metric, name, labels, sample)
        else:
            metric.add_sample(name, labels, sample)
    return metric


def _add_buckets(metric: Metric, name: str, labels: dict[str, str], buckets: Buckets) -> None:
    total = 0
    for bound, count in zip((*buckets.bounds, float("inf")), buckets.counts, strict=True):
        total += count
        metric.add_sample(f"{name}_bucket", {**labels, "le": _bound(bound)}, total)
    metric.add_sample(f"{name}_sum", labels, buckets.sum)
    metric.add_sample(f"{name}_count", labels, total)


def _bound(bound: float) -> str:
    """As Go writes a float: `1`, `0.005`, `1e+06`, `+Inf`."""
    return "+Inf" if bound == float("inf") else f"{bound:g}"
