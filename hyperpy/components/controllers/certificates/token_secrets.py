"""Secrets that hold ServiceAccount tokens: what has to be in them, and which are of no use any more. Pure.

Source: "Managing Service Accounts" (token controller, legacy ServiceAccount token cleaner).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.client.protocol import Obj

TYPE = "kubernetes.io/service-account-token"
ACCOUNT, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
TOKEN, NAMESPACE, AUTHORITY = "token", "namespace", "ca.crt"
#: Where the API server says since when it notes which tokens are used.
TRACKING_NAMESPACE, TRACKING = "kube-system", "kube-apiserver-legacy-service-account-token-tracking"
_DAY_S = 86_400.0
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What to do with a token that nobody may need: look again after `wait_s` (None: when something changes), mark it
    invalid, or delete it."""

    wait_s: float | None = None
    mark: bool = False
    delete: bool = False


def account_of(secret: Obj) -> str | None:
    """The name of the ServiceAccount whose token a Secret holds; None when it is another kind of Secret."""
    if secret.get("type") != TYPE:
        return None
    return (secret["metadata"].get("annotations") or {}).get(ACCOUNT) or None


def belongs(secret: Obj, account: Obj | None) -> bool:
    """Whether the account is there that a Secret names, and is not another one of the same name."""
    if account is None:
        return False
    uid = (secret["metadata"].get("annotations") or {}).get(ACCOUNT_UID)
    return not uid or uid == account["metadata"]["uid"]


def lacks_token(secret: Obj) -> bool:
    """It has no token yet."""
    return not (secret.get("data") or {}).get(TOKEN)


def filled(secret: Obj, account: Obj, *, root_ca: bytes, token: str) -> Obj | None:
    """The Secret with what is missing in it; None when nothing is.

    Args:
        root_ca: the certificates to trust the API server by; empty: they are left alone.
        token: for a Secret without one.
    """
    data = dict(secret.get("data") or {})
    if root_ca and data.get(AUTHORITY) != (text := base64.b64encode(root_ca).decode()):
        data[AUTHORITY] = text
    if not data.get(NAMESPACE):
        data[NAMESPACE] = base64.b64encode(account["metadata"]["namespace"].encode()).decode()
    if not data.get(TOKEN):
        data[TOKEN] = base64.b64encode(token.encode()).decode()
    if data == (secret.get("data") or {}):
        return None
    about = secret["metadata"]
    own = {ACCOUNT: account["metadata"]["name"], ACCOUNT_UID: account["metadata"]["uid"]}
    metadata = {**about, "annotations": {**(about.get("annotations") or {}), **own}}
    return {**secret, "metadata": metadata, "data": data}


def cleaning(secret: Obj, *, tracked_since: str, now: float, unused_s: float) -> Cleaning:
    """What becomes of a token that was made by itself and is mounted nowhere.

    Args:
        tracked_since: the first day on which uses were noted, such as `2024-02-29`; "": they are not.
        unused_s: how long a token may be unused, and then is kept invalid.
    """
    about = secret["metadata"]
    labels = about.get("labels") or {}
    begun, used, invalid = (
        _day_after(text) for text in (tracked_since, labels.get(LAST_USED, ""), labels.get(INVALID_SINCE, ""))
    )
    if begun is None or (LAST_USED in labels and used is None):
        return Cleaning()
    due = max(begun, used or 0.0, meta.parse_time(about["creationTimestamp"])) + unused_s
    if now < due:
        return Cleaning(wait_s=due - now)
    if invalid is None:
        return Cleaning(mark=True)
    gone = invalid + unused_s
    return Cleaning(wait_s=gone - now) if now < gone else Cleaning(delete=True)


def mounted(pods: Iterable[Obj]) -> set[str]:
    """The names of the Secrets that these Pods mount."""
    return {
        volume["secret"].get("secretName", "")
        for pod in pods
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("secret")
    }


def _day_after(text: str) -> float | None:
    """When the day after one such as `2024-02-29` begins; None when the text is no day."""
    try:
        return meta.parse_time(f"{text}T00:00:00Z") + _DAY_S if _DATE.fullmatch(text) else None
    except ValueError:
        return None
