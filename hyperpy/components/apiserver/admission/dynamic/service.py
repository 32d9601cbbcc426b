"""Where a webhook is: the address behind a Service, or the host of a URL.

Source: the API reference, "WebhookClientConfig" and "ServiceReference".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hyperpy.api import errors, proxy_target
from hyperpy.api.kinds import ENDPOINT_SLICE, SERVICE
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

_SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook's endpoint.

    Args:
        url: as messages show it.
        host: whom its certificate must be for.
        port: of `address`.
        address: where to connect to, a name or an IP address.
        trusted: PEM of the authorities that may have signed its certificate; None: those of the system.
    """

    url: str
    host: str
    port: int
    address: str
    trusted: bytes | None


def shown_url(config: Mapping[str, Any]) -> str:
    """The URL of a client configuration, of a Service by the name that its certificate carries."""
    if config.get("url"):
        return str(config["url"])
    service = config["service"]
    path = service.get("path") or "/"
    return f"https://{service['name']}.{service['namespace']}.svc:{service.get('port') or 443}{path}"


async def endpoint(
    config: Mapping[str, Any], url: str, trusted: bytes | None, *, objects: Objects, rng: random.Random
) -> Endpoint:
    """Where to connect to.

    Args:
        url: the complete one, with its query.
    Raises:
        NotFound: there is no such Service.
        ServiceUnavailable, BadRequest: nothing is behind it, or it has no such port.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    service = config.get("service")
    if config.get("url") or service is None:
        return Endpoint(url, host, port, host, trusted)
    namespace, name = service["namespace"], service["name"]
    found = form.decoded(await objects.get(SERVICE, namespace, name))
    spec = found["spec"]
    if spec.get("type") == "ExternalName":
        return Endpoint(url, host, port, spec["externalName"], trusted)
    everything = await objects.everything(ENDPOINT_SLICE, namespace)
    slices = [each for each in map(form.decoded, everything.kvs) if _belongs(each, name)]
    address, number = proxy_target.service_address(found, slices, str(port), rng=rng)
    return Endpoint(url, host, number, address, trusted)


def _belongs(piece: Mapping[str, Any], service: str) -> bool:
    return bool((piece["metadata"].get("labels") or {}).get(_SERVICE_NAME) == service)


def words(error: errors.StatusError, config: Mapping[str, Any]) -> str:
    """Why a Service cannot be called."""
    service = config.get("service") or {}
    if isinstance(error, errors.NotFound):
        return f'service "{service.get("name")}" not found'
    return error.message
