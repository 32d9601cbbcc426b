"""Defaults of APIServices: the port of the service behind one."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

PORT = 443


def api_service(obj: Obj) -> None:
    """`spec.service.port` is 443."""
    service = (obj.get("spec") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = PORT


DEFAULTS = {("apiregistration.k8s.io", "APIService"): api_service}
