"""What every object has in common: times, keys, owners, conditions, generated names."""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hyperpy.api.kinds import Kind

Obj = dict[str, Any]

#: No vowels, so that no word comes out; no 0, 1 or 3, which look like letters. Source: apimachinery's `util/rand`.
SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_MAX_BASE = 63 - _SUFFIX_LENGTH


def timestamp(epoch_s: float) -> str:
    """A `Time`: RFC 3339 in UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_s))


def micro_timestamp(epoch_s: float) -> str:
    """A `MicroTime`: RFC 3339 in UTC, microseconds. Leases and new events carry it."""
    micros = round(epoch_s * 1_000_000)
    whole, rest = divmod(micros, 1_000_000)
    return f"{timestamp(whole)[:-1]}.{rest:06d}Z"


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time.

    Raises:
        ValueError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f'parsing time "{text}": it must be RFC 3339, like 2006-01-02T15:04:05Z') from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def key(obj: Obj) -> str:
    """`namespace/name`, or `name` when the object has no namespace."""
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])


def split_key(text: str) -> tuple[str | None, str]:
    """The namespace (None: there is none) and the name of a key."""
    namespace, slash, name = text.partition("/")
    return (namespace, name) if slash else (None, text)


def is_deleting(obj: Obj) -> bool:
    """Whether a delete was asked for and finalizers or a grace period hold it."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the controller that manages the object, or None."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return dict(reference)
    return None


def owner_reference(kind: Kind, owner: Obj, *, controller: bool = True, block: bool = True) -> Obj:
    """The reference by which `owner`, of `kind`, owns another object.

    Args:
        controller: whether it is the one that manages the object.
        block: whether a foreground delete of the owner waits for the object.
    """
    meta = owner["metadata"]
    reference: Obj = {"apiVersion": kind.api_version, "kind": kind.kind, "name": meta["name"], "uid": meta["uid"]}
    if controller:
        reference["controller"] = True
    if block:
        reference["blockOwnerDeletion"] = True
    return reference


def condition(obj: Obj, condition_type: str) -> Obj | None:
    """The entry of `status.conditions` of that type, or None."""
    return find_condition((obj.get("status") or {}).get("conditions") or (), condition_type)


def find_condition(conditions: Sequence[Obj], condition_type: str) -> Obj | None:
    """The entry of that type in a list of conditions, or None."""
    for entry in conditions:
        if entry.get("type") == condition_type:
            return entry
    return None


def set_condition(conditions: list[Obj], new: Obj, *, now: str) -> bool:
    """Put a condition into the list, in place.

    `lastTransitionTime` becomes `now` only when the status changes; other fields are taken from `new`.

    Args:
        conditions: the list to change; a shared entry is replaced, never written to.
        new: type, status and what else is to be set.
        now: a `Time`.
    Returns:
        Whether anything changed.
    """
    for index, old in enumerate(conditions):
        if old.get("type") != new["type"]:
            continue
        merged = {**old, **new}
        if old.get("status") != new["status"]:
            merged["lastTransitionTime"] = now
        elif "lastTransitionTime" in old:
            merged["lastTransitionTime"] = old["lastTransitionTime"]
        conditions[index] = merged
        return merged != old
    conditions.append({**new, "lastTransitionTime": now})
    return True


def generate_name(base: str, rng: random.Random) -> str:
    """`base` (cut to 58 characters) and five random ones, as `metadata.generateName` promises."""
    return base[:_MAX_BASE] + "".join(rng.choices(SAFE_ALPHABET, k=_SUFFIX_LENGTH))


def seconds_left(deadline: str, *, now: float) -> int:
    """Whole seconds, rounded up and never below 0, until a `Time`."""
    return max(0, math.ceil(parse_time(deadline) - now))


def new_uid(rng: random.Random) -> str:
    """A random UUID (version 4)."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
