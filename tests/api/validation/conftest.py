"""The way of an object to its rules: decoded, defaulted, judged."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hyperpy.api import defaults, schema, validation
from hyperpy.api.kinds import Kind

Obj = dict[str, Any]


def _ready(kind: Kind, obj: Obj) -> Obj:
    obj = copy.deepcopy(obj)
    obj["metadata"] = {
        "name": "web",
        **({"namespace": "default"} if kind.namespaced else {}),
        **obj.get("metadata", {}),
    }
    assert schema.of(kind).decode(obj).causes == ()
    defaults.apply(kind, obj)
    return obj


@pytest.fixture(scope="session")
def complaints() -> Callable[[Kind, Obj], list[str]]:
    """What is said of a new object, one text a cause."""
    return lambda kind, obj: [str(cause) for cause in validation.on_create(kind, _ready(kind, obj))]


@pytest.fixture(scope="session")
def change_complaints() -> Callable[[Kind, Obj, Obj], list[str]]:
    """What is said of a change (new, old)."""
    return lambda kind, new, old: [
        str(cause) for cause in validation.on_update(kind, _ready(kind, new), _ready(kind, old))
    ]


@pytest.fixture(scope="session")
def status_complaints() -> Callable[[Kind, Obj, Obj], list[str]]:
    """What is said of a status write (new, old)."""
    return lambda kind, new, old: [
        str(cause) for cause in validation.on_status_update(kind, _ready(kind, new), _ready(kind, old))
    ]
