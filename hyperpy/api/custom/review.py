"""ConversionReviews: the question that a conversion webhook is asked, and what its answer is worth. Pure.

Source: the API reference, "ConversionReview"; what the API server (apiextensions-apiserver's webhook converter) checks
and says of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api.patch.values import clone
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import metadata, rules

Obj = dict[str, Any]

GROUP = "apiextensions.k8s.io"
VERSIONS = ("v1", "v1beta1")
_TYPES = {list: "[]interface {}", str: "string", int: "int64", float: "float64", bool: "bool"}


class BadAnswer(Exception):
    """An answer that cannot be used; the message goes after "conversion webhook for KIND "."""


def version(offered: Sequence[str]) -> str | None:
    """The first version of reviews that both sides speak, or None."""
    return next((each for each in offered if each in VERSIONS), None)


def question(review_version: str, objects: Sequence[Obj], wanted: str, *, uid: str) -> Obj:
    """The ConversionReview to post. `wanted` is the apiVersion that the objects are to have."""
    return {
        "kind": "ConversionReview",
        "apiVersion": f"{GROUP}/{review_version}",
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": list(objects)},
    }


def answer(review: Any, asked: Obj) -> list[Obj]:
    """The converted objects in a webhook's answer, each with the metadata of what it was made of.

    Args:
        asked: the question.
    Raises:
        BadAnswer: the webhook says that it failed, or its answer is not what was asked for.
    """
    request = asked["request"]
    originals, wanted = request["objects"], request["desiredAPIVersion"]
    converted = _objects(review, asked)
    if len(converted) != len(originals):
        raise BadAnswer(f"returned {len(converted)} objects, expected {len(originals)}")
    many = len(originals) > 1
    return [
        _checked(original, made, wanted, index if many else None)
        for index, (original, made) in enumerate(zip(originals, converted, strict=True))
    ]


def _objects(review: Any, asked: Obj) -> list[Any]:
    if not isinstance(review, dict):
        raise BadAnswer("failed: the answer is no object")
    given = f"{review.get('apiVersion')}, Kind={review.get('kind')}"
    expected = f"{asked['apiVersion']}, Kind={asked['kind']}"
    strict = asked["apiVersion"] == f"{GROUP}/v1"
    if strict and given != expected:
        raise BadAnswer(f"failed: expected webhook response of {expected}, got {given}")
    response = review.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("failed: no response provided")
    uid = asked["request"]["uid"]
    if strict and response.get("uid") != uid:
        raise BadAnswer(f'failed: expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    if result.get("status") != "Success":
        said = result.get("message") or f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        raise BadAnswer(f"failed: {said}")
    found = response.get("convertedObjects")
    return found if isinstance(found, list) else []


def _checked(original: Obj, made: Any, wanted: str, index: int | None) -> Obj:
    place = f"converted object at index {index}" if index is not None else "object"
    first = place if index is not None else "object at index 0"
    if not isinstance(made, dict):
        raise BadAnswer(f"returned invalid {first}: it is no object")
    if made.get("apiVersion") != wanted:
        got = made.get("apiVersion") or ""
        raise BadAnswer(f"returned invalid {first}: invalid groupVersion (expected {wanted}, received {got})")
    if made.get("kind") != original["kind"]:
        got = made.get("kind") or ""
        raise BadAnswer(f"returned invalid {first}: invalid kind (expected {original['kind']}, received {got})")
    own = made.get("metadata")
    given = own if isinstance(own, dict) else {}
    for field, name in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        before, after = original["metadata"].get(field) or "", given.get(field) or ""
        if before != after:
            raise BadAnswer(f"returned invalid {place}: must have the same {name}: {before} != {after}")
    try:
        return {**made, "metadata": _restored(original["metadata"], own)}
    except ValueError as error:
        where = f" in object at index {index}" if index is not None else ""
        raise BadAnswer(f"returned invalid metadata{where}: {error}") from error


def _restored(original: Obj, given: Any) -> Obj:
    """The metadata of the original with the labels and annotations of the converted object. Raises ValueError."""
    if given is None:
        raise ValueError("missing metadata in converted object")
    if not isinstance(given, dict):
        raise ValueError(f"invalid metadata of type {_TYPES.get(type(given), '<nil>')} in converted object")
    restored: Obj = clone(original)
    for field in ("labels", "annotations"):
        texts = given.get(field)
        if texts is None:
            restored.pop(field, None)
            continue
        if not isinstance(texts, dict):
            raise ValueError(f"invalid metadata.{field} of type {_TYPES.get(type(texts))} in converted object")
        for key, value in texts.items():
            if not isinstance(value, str):
                kind = _TYPES.get(type(value), "<nil>")
                raise ValueError(f"metadata.{field}[{key}] must be a string, but is {kind} in converted object")
        if texts != original.get(field):
            _judge(field, texts)
        restored[field] = texts
    return restored


def _judge(field: str, texts: dict[str, str]) -> None:
    path = f"metadata.{field}"
    found: list[Cause] = list(
        rules.labels(path, texts) if field == "labels" else metadata.annotation_map(path, texts)
    )  # fmt: skip
    if found:
        raise ValueError(str(found[0]) if len(found) == 1 else f"[{', '.join(map(str, found))}]")
