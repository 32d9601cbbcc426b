"""Counts requests: how many, how long, how large, by verb and resource.

Names, labels and buckets are those of kube-apiserver v1.34. A request costs two look-ups: the children of a route are
kept together.
"""

from __future__ import annotations

from collections.abc import Callable

from hyperpy.api.paths import RequestInfo
from hyperpy.components.instruments import Distribution, Family, Instruments, Value

LATENCY_S = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
SLI_S = LATENCY_S[2:]
SIZES = tuple(10.0**power for power in range(3, 10))

ROUTE = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_VERBS = {
    "get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETECOLLECTION", "head": "GET", "post": "POST", "put": "PUT",
}  # fmt: skip
_CONNECT = frozenset(("attach", "exec", "portforward", "proxy"))
_COMPONENT = "apiserver"
#: Answers that tell of an overload or a time limit, counted apart.
_TERMINATIONS = frozenset((429, 504))

Question = Callable[[RequestInfo], bool]


class _Route:
    """The children of one verb on one resource."""

    __slots__ = ("codes", "duration", "running", "sizes", "sli", "values")

    def __init__(self, values: tuple[str, ...], duration: Distribution) -> None:
        self.values = values
        self.duration = duration
        self.sli: Distribution | None = None
        self.sizes: Distribution | None = None
        self.running: Value | None = None
        self.codes: dict[int, Value] = {}


class RequestMetrics:
    """Counts requests.

    Args:
        known: whether there is such a resource or path, so that made-up URLs do not become labels.
        deprecated: whether clients are told to leave it.
    """

    def __init__(self, instruments: Instruments, known: Question, deprecated: Question) -> None:
        self._known = known
        self._is_deprecated = deprecated
        self._routes: dict[tuple[str, ...], _Route] = {}
        self._total = instruments.counter(
            "apiserver_request_total",
            "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, "
            "component, and HTTP response code.",
            ("verb", "dry_run", *ROUTE[1:], "code"),
        )
        self._duration = instruments.histogram(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds for each verb, dry run value, group, version, resource, "
            "subresource, scope and component.",
            ("verb", "dry_run", *ROUTE[1:]),
            bounds=LATENCY_S,
        )
        self._sli = instruments.histogram(
            "apiserver_request_sli_duration_seconds",
            "Response latency distribution (not counting webhook duration) in seconds for each verb, group, version, "
            "resource, subresource, scope and component.",
            ROUTE,
            bounds=SLI_S,
        )
        self._sizes = instruments.histogram(
            "apiserver_response_sizes",
            "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and "
            "component.",
            ROUTE,
            bounds=SIZES,
        )
        self._running = instruments.gauge(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope "
            "and component.",
            ROUTE,
        )
        self._terminations: Family[Value] = instruments.counter(
            "apiserver_request_terminations_total",
            "Number of requests which apiserver terminated in self-defense.",
            ("code", *ROUTE),
        )
        self._deprecated = instruments.gauge(
            "apiserver_requested_deprecated_apis",
            "Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, "
            "subresource, and removed_release.",
            (*ROUTE[1:5], "removed_release"),
        )

    def finished(
        self,
        info: RequestInfo,
        code: int,
        duration_s: float,
        *,
        size: int = 0,
        dry_run: bool = False,
        sli: bool = True,
        waited_s: float = 0.0,
    ) -> None:
        """Count a request that was answered.

        Args:
            size: of the answer's body, in bytes.
            sli: False for long-running ones, whose duration says nothing about the server.
            waited_s: how much of the duration was spent on webhooks.
        """
        route = self._route(info, dry_run)
        if route is None:
            return
        count = route.codes.get(code)
        if count is None:
            values = route.values
            count = route.codes[code] = self._total.child(values[0], "All" if dry_run else "", *values[1:], str(code))
        count.value += 1
        route.duration.observe(duration_s)
        if sli and route.sli is not None:
            route.sli.observe(duration_s - waited_s)
        if size and route.sizes is not None:
            route.sizes.observe(size)
        if code in _TERMINATIONS:
            self._terminations.child(str(code), *route.values).inc()

    def running(self, info: RequestInfo) -> Callable[[], None]:
        """Count a long-running request as begun; call the result when it ends."""
        route = self._route(info, False)
        if route is None:
            return _nothing
        gauge = route.running
        if gauge is None:
            gauge = route.running = self._running.child(*route.values)
        gauge.inc()
        return lambda: gauge.inc(-1)

    def _route(self, info: RequestInfo, dry_run: bool) -> _Route | None:
        if not info.is_resource:
            key: tuple[str, ...] = (info.verb, info.path)
        else:
            dry = "All" if dry_run else ""
            key = (info.verb, info.group, info.version, info.resource, info.subresource, scope_of(info), dry)
        return self._routes.get(key) or self._make(key, info, dry_run)

    def _make(self, key: tuple[str, ...], info: RequestInfo, dry_run: bool) -> _Route | None:
        if not self._known(info):
            return None
        values = labels_of(info)
        route = _Route(values, self._duration.child(values[0], "All" if dry_run else "", *values[1:]))
        if values[0] != "WATCH" and values[0] != "CONNECT":
            route.sli = self._sli.child(*values)
        if values[0] in ("GET", "LIST"):
            route.sizes = self._sizes.child(*values)
        if self._is_deprecated(info):
            self._deprecated.child(*values[1:5], "").set(1)
        self._routes[key] = route
        return route


def labels_of(info: RequestInfo) -> tuple[str, ...]:
    """The values of `ROUTE` for a request."""
    if not info.is_resource:
        return _VERBS.get(info.verb, info.verb.upper()), "", "", "", info.path, "", _COMPONENT
    verb = _VERBS.get(info.verb, info.verb.upper())
    if info.subresource in _CONNECT:
        verb = "CONNECT"
    return verb, info.group, info.version, info.resource, info.subresource, scope_of(info), _COMPONENT


def scope_of(info: RequestInfo) -> str:
    """One object, a namespace, or all of them."""
    if info.name or info.verb == "create":
        return "resource"
    return "namespace" if info.namespace else "cluster"


def _nothing() -> None:
    """The end of a request that is not counted."""
