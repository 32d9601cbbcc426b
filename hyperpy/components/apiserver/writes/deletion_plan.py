"""What a request to delete does to an object as it is now: end it, mark it, or nothing. Pure.

live ──grace period, finalizers or Foreground/Orphan──▶ marked (deletionTimestamp) ──all done──▶ gone
  └────────────────────────────── none of these ──────────────────────────────────────────────▶ gone

Source: Concepts, "Finalizers", "Garbage Collection", "Termination of Pods";
behaviour of Kubernetes' `rest.BeforeDelete`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.components.apiserver.content.deletion_options import BACKGROUND, FOREGROUND, ORPHAN, DeleteOptions
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.strategy import Strategy

FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"


@dataclass(frozen=True, slots=True)
class Plan:
    """`obj` is what the object becomes. `gone`: it is removed at once. Neither gone nor changed: it is on its way."""

    obj: Obj
    gone: bool


def plan(obj: Obj, options: DeleteOptions, *, strategy: Strategy, now: float) -> Plan:
    """Decide on a delete.

    Args:
        obj: the object as stored; it is not changed.
        now: seconds since the epoch.
    """
    # Only fields of its metadata are set, so the rest may be shared.
    own = {**obj["metadata"]}
    marked = {**obj, "metadata": own}
    pending = own.get("deletionGracePeriodSeconds") or 0
    if own.get("deletionTimestamp") and pending:
        if options.grace_s is None or options.grace_s >= pending:
            return Plan(marked, gone=False)
        grace_s = max(options.grace_s, 0)
        asked_at = meta.parse_time(own["deletionTimestamp"]) - pending
        own["deletionTimestamp"] = meta.timestamp(asked_at + grace_s)
        own["deletionGracePeriodSeconds"] = grace_s
    elif own.get("deletionTimestamp"):
        grace_s = 0
    else:
        grace_s = strategy.grace_s(obj, options.grace_s) if strategy.grace_s is not None else 0
        _mark(own, grace_s, now)
    finalizers = _finalizers(own.get("finalizers") or [], options, orphans=strategy.orphans)
    if finalizers:
        own["finalizers"] = finalizers
    else:
        own.pop("finalizers", None)
    return Plan(marked, gone=not finalizers and grace_s == 0)


def _mark(own: Obj, grace_s: int, now: float) -> None:
    own["deletionTimestamp"] = meta.timestamp(now + grace_s)
    own["deletionGracePeriodSeconds"] = grace_s
    if own.get("generation"):
        own["generation"] += 1


def _finalizers(current: list[str], options: DeleteOptions, *, orphans: bool) -> list[str]:
    """The finalizers with those of the garbage collector that the options ask for."""
    kept = [name for name in current if name not in (FOREGROUND_FINALIZER, ORPHAN_FINALIZER)]
    policy = _policy(current, options, orphans=orphans)
    if policy == ORPHAN:
        kept.append(ORPHAN_FINALIZER)
    elif policy == FOREGROUND:
        kept.append(FOREGROUND_FINALIZER)
    return kept


def _policy(current: list[str], options: DeleteOptions, *, orphans: bool) -> str:
    """What the request says, else what an earlier one said, else the kind's default."""
    if options.propagation is not None:
        return options.propagation
    if options.orphan_dependents is not None:
        return ORPHAN if options.orphan_dependents else BACKGROUND
    if ORPHAN_FINALIZER in current:
        return ORPHAN
    if FOREGROUND_FINALIZER in current:
        return FOREGROUND
    return ORPHAN if orphans else BACKGROUND
