"""Turns an APIResourceList, as every server gives it, into a version of aggregated discovery. Pure.

Source: apidiscovery.k8s.io/v2 reference; aggregator's conversion of servers without aggregated discovery.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def convert(version: str, listed: Obj) -> Obj:
    """An APIVersionDiscovery of what a server lists for a version of a group."""
    resources: dict[str, Obj] = {}
    entries = [entry for entry in listed.get("resources") or () if isinstance(entry, dict) and entry.get("name")]
    for entry in entries:
        if "/" not in entry["name"]:
            resources[entry["name"]] = _resource(entry)
    for entry in entries:
        name, _, subresource = entry["name"].partition("/")
        if subresource:
            parent = resources.setdefault(name, {"resource": name, "scope": _scope(entry), "verbs": []})
            told = {
                "subresource": subresource,
                "responseKind": _kind(entry),
                "verbs": entry.get("verbs") or [],
            }
            parent.setdefault("subresources", []).append(told)
    return {"version": version, "resources": list(resources.values()), "freshness": "Current"}


def _resource(entry: Obj) -> Obj:
    return {
        "resource": entry["name"],
        "responseKind": _kind(entry),
        "scope": _scope(entry),
        "singularResource": entry.get("singularName") or "",
        "verbs": entry.get("verbs") or [],
        **{field: entry[field] for field in ("shortNames", "categories") if entry.get(field)},
    }


def _kind(entry: Obj) -> Obj:
    """An empty group or version is that of the list."""
    return {
        "group": entry.get("group") or "",
        "version": entry.get("version") or "",
        "kind": entry.get("kind") or "",
    }


def _scope(entry: Obj) -> str:
    return "Namespaced" if entry.get("namespaced") else "Cluster"
