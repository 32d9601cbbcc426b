"""Rules of Namespaces and Nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, metadata, resources, rules, scheduling

Obj = dict[str, Any]

_ONE_PER_FAMILY = "may specify no more than one CIDR for each IP family"


def namespace(obj: Obj) -> Iterator[Cause]:
    """A Namespace, new or changed, and its `finalize` subresource."""
    for finalizer in (obj.get("spec") or {}).get("finalizers") or ():
        yield from rules.formed("spec.finalizers", finalizer, names.qualified_errors)
        yield from metadata.standard_finalizer("spec.finalizers", finalizer)


def namespace_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A namespace is Terminating exactly while it is being deleted."""
    phase, deleting = (new.get("status") or {}).get("phase") or "", bool(new["metadata"].get("deletionTimestamp"))
    if not deleting and phase != "Active":
        yield cause.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")
    if deleting and phase != "Terminating":
        yield cause.invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")


def node(obj: Obj) -> Iterator[Cause]:
    """A Node, new or changed."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if spec.get("taints"):
        yield from scheduling.taints(spec["taints"], "metadata.taints")
    yield from _amounts(status)
    blocks = spec.get("podCIDRs") or []
    for i, block in enumerate(blocks):
        yield from rules.formed(f"spec.podCIDRs[{i}]", block, formats.cidr)
    if len(blocks) > 1 and (len(blocks) > 2 or (":" in blocks[0]) == (":" in blocks[1])):
        yield cause.invalid("spec.podCIDRs", blocks, _ONE_PER_FAMILY)


def node_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a Node."""
    yield from node_update(new, old)
    yield from _amounts(new.get("status") or {})


def node_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """What a Node was given once stays; its addresses are each listed once."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    for field in ("podCIDRs", "providerID"):
        if before.get(field) and now.get(field) != before[field]:
            shown = "podCIDR" if field == "podCIDRs" else field
            yield cause.forbidden(f"spec.{field}", f'node updates may not change {shown} except from "" to valid')
    addresses, old_addresses = ((each.get("status") or {}).get("addresses") or [] for each in (new, old))
    seen = set()
    for i, address in enumerate(addresses if addresses != old_addresses else ()):
        pair = (address.get("type"), address.get("address"))
        if pair in seen:
            yield cause.duplicate(f"status.addresses[{i}]", address)
        seen.add(pair)


def _amounts(status: Obj) -> Iterator[Cause]:
    for field in ("capacity", "allocatable"):
        yield from resources.amounts(status.get(field), f"status.{field}")
