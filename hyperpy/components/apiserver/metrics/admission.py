"""Counts what admission costs: each plugin, and both rounds as a whole."""

from __future__ import annotations

from hyperpy.components.instruments import Distribution, Instruments

ADMIT, VALIDATE = "admit", "validate"
_BOUNDS_S = (0.005, 0.025, 0.1, 0.5, 1, 2.5)


class AdmissionMetrics:
    """Durations by plugin, operation, round and outcome."""

    def __init__(self, instruments: Instruments) -> None:
        self._plugins = instruments.histogram(
            "apiserver_admission_controller_admission_duration_seconds",
            "Admission controller latency histogram in seconds, identified by name and broken out for each operation "
            "and API resource and type (validate or admit).",
            ("name", "operation", "rejected", "type"),
            bounds=_BOUNDS_S,
        )
        self._steps = instruments.histogram(
            "apiserver_admission_step_admission_duration_seconds",
            "Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step "
            "type (validate or admit).",
            ("operation", "rejected", "type"),
            bounds=_BOUNDS_S,
        )
        self._known: dict[tuple[str, str, str, bool], Distribution] = {}

    def plugin(self, name: str, step: str, operation: str, duration_s: float, *, rejected: bool) -> None:
        """One plugin was asked; with the name "" the whole round is meant."""
        key = name, step, operation, rejected
        found = self._known.get(key)
        if found is None:
            said = "true" if rejected else "false"
            found = self._known[key] = (
                self._plugins.child(name, operation, said, step) if name else self._steps.child(operation, said, step)
            )
        found.observe(duration_s)
