"""Counts who is let in: attempts to authenticate and to be authorized, and how long they took."""

from __future__ import annotations

from hyperpy.components.instruments import Distribution, Instruments, Value

_AUTHENTICATION_S = tuple(0.001 * 2**power for power in range(15))
_AUTHORIZATION_S = _AUTHENTICATION_S
_DAY_S = 86_400
_EXPIRATIONS_S = (
    0, 1800, 3600, 7200, 21_600, 43_200, _DAY_S, 2 * _DAY_S, 4 * _DAY_S, 7 * _DAY_S, 30 * _DAY_S, 90 * _DAY_S,
    180 * _DAY_S, 360 * _DAY_S,
)  # fmt: skip


class AccessMetrics:
    """Children of the four families, looked up once."""

    def __init__(self, instruments: Instruments) -> None:
        attempts = instruments.counter("authentication_attempts", "Counter of authenticated attempts.", ("result",))
        durations = instruments.histogram(
            "authentication_duration_seconds",
            "Authentication duration in seconds broken out by result.",
            ("result",),
            bounds=_AUTHENTICATION_S,
        )
        asked = instruments.counter(
            "authorization_attempts_total",
            "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', "
            "'no-opinion' or 'error'.",
            ("result",),
        )
        asking = instruments.histogram(
            "authorization_duration_seconds",
            "Authorization duration in seconds broken out by result.",
            ("result",),
            bounds=_AUTHORIZATION_S,
        )
        #: Of client certificates: seconds until they end, once a connection.
        self.certificate_expirations = instruments.histogram(
            "apiserver_client_certificate_expiration_seconds",
            "Distribution of the remaining lifetime on the certificate used to authenticate a request.",
            bounds=_EXPIRATIONS_S,
        ).child()
        self._authenticated = _Pair(attempts.child("success"), durations.child("success"))
        self._unauthenticated = _Pair(attempts.child("failure"), durations.child("failure"))
        self._allowed = _Pair(asked.child("allowed"), asking.child("allowed"))
        self._refused = _Pair(asked.child("no-opinion"), asking.child("no-opinion"))

    def authenticated(self, success: bool, duration_s: float) -> None:
        """Count an attempt to say who one is."""
        (self._authenticated if success else self._unauthenticated).note(duration_s)

    def authorized(self, allowed: bool, duration_s: float) -> None:
        """Count a decision. RBAC has no way to deny, only no opinion."""
        (self._allowed if allowed else self._refused).note(duration_s)


class _Pair:
    """An attempts counter and its durations."""

    __slots__ = ("count", "durations")

    def __init__(self, count: Value, durations: Distribution) -> None:
        self.count = count
        self.durations = durations

    def note(self, duration_s: float) -> None:
        self.count.value += 1
        self.durations.observe(duration_s)
