"""Files of one volume that get into each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Obj = dict[str, Any]


def overlapping(volumes: Sequence[Obj]) -> Iterator[str]:
    """Paths of a volume that are the same, or one within the other."""
    for volume in volumes:
        name = volume.get("name") or ""
        for field, title, named in (
            ("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"), ("downwardAPI", "DownwardAPI", ""),
        ):  # fmt: skip
            source = volume.get(field) or {}
            if source.get("items"):
                shown = f'{title} "{source.get(named) or ""}"' if named else title
                yield from _check(_items(source), f'volume "{name}" ({shown}): overlapping paths')
        if volume.get("projected") is not None:
            yield from _projected(volume["projected"], name)


def _projected(source: Obj, name: str) -> Iterator[str]:
    before: list[str] = []
    for projection in source.get("sources") or ():
        if not any(value is not None for value in projection.values()):
            yield f'volume "{name}" (Projected) has no sources provided'
            continue
        paths, title = _paths_of(projection)
        if not paths:
            continue
        text = f'volume "{name}" (Projected {title}): overlapping paths'
        yield from _check([*before, *paths], text)
        before += [path for path in dict.fromkeys(paths) if path not in before]


def _paths_of(projection: Obj) -> tuple[list[str], str]:
    for field, title in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if (projection.get(field) or {}).get("items"):
            return _items(projection[field]), f'{title} "{projection[field].get("name") or ""}"'
    if (projection.get("downwardAPI") or {}).get("items"):
        return _items(projection["downwardAPI"]), "DownwardAPI"
    if projection.get("serviceAccountToken") is not None:
        return [projection["serviceAccountToken"].get("path") or ""], "ServiceAccountToken"
    if projection.get("clusterTrustBundle") is not None:
        bundle = projection["clusterTrustBundle"]
        return [bundle.get("path") or ""], f'ClusterTrustBundle "{bundle.get("name") or bundle.get("signerName")}"'
    return [], ""


def _items(source: Obj) -> list[str]:
    return [item.get("path") or "" for item in source.get("items") or ()]


def _check(paths: Sequence[str], text: str) -> Iterator[str]:
    seen: list[str] = []
    for given in paths:
        path = given.rstrip("/")
        other = next((one for one in seen if _meet(one, path)), None)
        if other is not None:
            yield f'{text}: "{path}" with "{other}"'
        seen.append(path)


def _meet(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return one == other or f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
