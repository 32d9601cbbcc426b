"""Counts calls of admission webhooks and verdicts of admission policies."""

from __future__ import annotations

from hyperpy.components.instruments import Instruments

CALL_FAILED, OWN_ERROR, NO_ERROR = "calling_webhook_error", "apiserver_internal_error", "no_error"
_BOUNDS_S = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25)


class WebhookMetrics:
    """What webhooks cost, what they refuse and how they fail. `step` is `admit` or `validating`."""

    def __init__(self, instruments: Instruments) -> None:
        self._durations = instruments.histogram(
            "apiserver_admission_webhook_admission_duration_seconds",
            "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and "
            "API resource and type (validate or admit).",
            ("name", "operation", "rejected", "type"),
            bounds=_BOUNDS_S,
        )
        self._requests = instruments.counter(
            "apiserver_admission_webhook_request_total",
            "Admission webhook request total, identified by name and broken out for each admission type (validating or "
            "mutating) and operation.",
            ("code", "name", "operation", "rejected", "type"),
        )
        self._rejections = instruments.counter(
            "apiserver_admission_webhook_rejection_count",
            "Admission webhook rejection count, identified by name and broken out for each admission type (validating "
            "or admit) and operation.",
            ("error_type", "name", "operation", "rejection_code", "type"),
        )
        self._failed_open = instruments.counter(
            "apiserver_admission_webhook_fail_open_count",
            "Admission webhook fail open count, identified by name and broken out for each admission type (validating "
            "or mutating).",
            ("name", "type"),
        )

    def called(self, name: str, step: str, operation: str, duration_s: float, *, code: int, rejected: bool) -> None:
        """A webhook was asked; `code` is the HTTP status of what came of it."""
        said = "true" if rejected else "false"
        self._durations.child(name, operation, said, step).observe(duration_s)
        self._requests.child(str(code), name, operation, said, step).inc()

    def rejected(self, name: str, step: str, operation: str, error_type: str, code: int) -> None:
        """A request was refused because of a webhook."""
        self._rejections.child(error_type, name, operation, str(code), step).inc()

    def failed_open(self, name: str, step: str) -> None:
        """A webhook failed, and its policy is to let that pass."""
        self._failed_open.child(name, step).inc()


class PolicyMetrics:
    """Verdicts of ValidatingAdmissionPolicies, by binding and by what followed."""

    def __init__(self, instruments: Instruments) -> None:
        self._checks = instruments.counter(
            "apiserver_validating_admission_policy_check_total",
            "Validation admission policy check total, labeled by policy and further identified by binding and "
            "enforcement action taken.",
            ("enforcement_action", "error_type", "policy", "policy_binding"),
        )

    def checked(self, policy: str, binding: str, action: str) -> None:
        """A validation did not hold, and `action` (deny, warn, audit) followed."""
        self._checks.child(action, NO_ERROR, policy, binding).inc()


class DynamicAdmissionMetrics:
    """Both, made once for an API server."""

    def __init__(self, instruments: Instruments) -> None:
        self.webhooks = WebhookMetrics(instruments)
        self.policies = PolicyMetrics(instruments)
