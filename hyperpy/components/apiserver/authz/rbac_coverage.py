"""Whether the rules a user has cover others: who may hand out a permission. Pure.

Source: "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping"; texts of the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authz.rbac import Rule

#: What setting an aggregation rule takes: it can gather anything.
EVERYTHING: tuple[Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
#: How a rule is written in messages, field by field.
_FIELDS = (
    ("APIGroups", "apiGroups"), ("Resources", "resources"), ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"), ("Verbs", "verbs"),
)  # fmt: skip


def missing(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of the wanted rules is not covered by those that are held, compacted."""
    lacking = [part for rule in wanted for part in _parts(rule) if not any(_covers(own, part) for own in held)]
    return _compact(lacking)


def escalation(user: UserInfo, lacking: Sequence[Rule]) -> str:
    """What is said to a user who hands out more than they have."""
    shown = "\n".join(sorted({_shown(rule) for rule in lacking}))
    return (
        f"user {_quoted(user.name)} (groups={_list(user.groups)}) is attempting to grant RBAC permissions not "
        f"currently held:\n{shown}"
    )


def _parts(rule: Rule) -> Iterator[Rule]:
    """A rule as rules of one verb on one thing each."""
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield {"verbs": [verb], "nonResourceURLs": [url]}
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                part = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                names = rule.get("resourceNames") or ()
                yield from ({**part, "resourceNames": [name]} for name in names)
                if not names:
                    yield part


def _covers(own: Rule, part: Rule) -> bool:
    if not _has(own.get("verbs"), part["verbs"][0]):
        return False
    if "nonResourceURLs" in part:
        return any(_url_covers(pattern, part["nonResourceURLs"][0]) for pattern in own.get("nonResourceURLs") or ())
    if not _has(own.get("apiGroups"), part["apiGroups"][0]) or not _has_resource(own, part["resources"][0]):
        return False
    names = own.get("resourceNames") or ()
    return not names or ("resourceNames" in part and part["resourceNames"][0] in names)


def _has(values: Sequence[str] | None, wanted: str) -> bool:
    return bool(values) and ("*" in values or wanted in values)  # type: ignore[operator]


def _has_resource(own: Rule, wanted: str) -> bool:
    _, slash, subresource = wanted.partition("/")
    patterns = own.get("resources") or ()
    return _has(patterns, wanted) or (bool(slash) and f"*/{subresource}" in patterns)


def _url_covers(pattern: str, wanted: str) -> bool:
    return pattern == wanted or (pattern.endswith("*") and wanted.startswith(pattern.rstrip("*")))


def _compact(parts: Iterable[Rule]) -> list[Rule]:
    """Parts about the same thing as one rule of several verbs."""
    merged: dict[tuple[str, ...], Rule] = {}
    for part in parts:
        key = tuple(f"{name}={value}" for name, value in part.items() if name != "verbs")
        known = merged.get(key)
        verbs = [*(known["verbs"] if known else ()), *part["verbs"]]
        merged[key] = {**part, "verbs": list(dict.fromkeys(verbs))}
    return list(merged.values())


def _shown(rule: Rule) -> str:
    fields = [f"{title}:{_list(rule[name])}" for title, name in _FIELDS if rule.get(name)]
    return f"{{{', '.join(fields)}}}"


def _list(values: Iterable[str]) -> str:
    return f"[{' '.join(map(_quoted, values))}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
