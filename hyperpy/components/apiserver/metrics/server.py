"""Gauges of the server itself: what it is, and how many requests it works on now."""

from __future__ import annotations

from hyperpy.components.apiserver import health
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.instruments import Instruments

_BUILD = {
    "build_date": "buildDate", "compiler": "compiler", "git_commit": "gitCommit", "git_tree_state": "gitTreeState",
    "git_version": "gitVersion", "go_version": "goVersion", "major": "major", "minor": "minor", "platform": "platform",
}  # fmt: skip


class ServerMetrics:
    """Fills them when they are asked for."""

    def __init__(self, instruments: Instruments, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        current = instruments.gauge(
            "apiserver_current_inflight_requests",
            "Maximal number of currently used inflight request limit of this apiserver per request kind in last "
            "second.",
            ("request_kind",),
        )
        self._reading, self._mutating = current.child("readOnly"), current.child("mutating")
        told = health.build_info()
        instruments.gauge(
            "kubernetes_build_info",
            "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, "
            "build date, Go version, and compiler from which Kubernetes was built, and platform on which it is "
            "running.",
            tuple(_BUILD),
        ).child(*(told[field] for field in _BUILD.values())).set(1)

    async def refresh(self) -> None:
        """Look again."""
        reading, mutating = self._in_flight.now
        self._reading.set(reading)
        self._mutating.set(mutating)
