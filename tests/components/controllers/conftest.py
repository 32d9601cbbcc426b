"""The world of the control loops, and objects to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hyperpy.client.protocol import Obj

from .world import World, new_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with new_world() as made:
        yield made


def template(app: str, image: str = "x") -> Obj:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": image}]}}


@pytest.fixture
def make() -> Any:
    """Objects by kind."""

    class Make:
        template = staticmethod(template)

        @staticmethod
        def replica_set(name: str, replicas: int, **spec: Any) -> Obj:
            selector = {"matchLabels": {"app": name}}
            body = {"replicas": replicas, "selector": selector, "template": template(name), **spec}
            return {"metadata": {"name": name, "namespace": "default"}, "spec": body}

        @staticmethod
        def deployment(name: str, replicas: int, image: str = "x", **spec: Any) -> Obj:
            selector = {"matchLabels": {"app": name}}
            body = {"replicas": replicas, "selector": selector, "template": template(name, image), **spec}
            return {"metadata": {"name": name, "namespace": "default"}, "spec": body}

        @staticmethod
        def pod(name: str, app: str = "web", **spec: Any) -> Obj:
            metadata = {"name": name, "namespace": "default", "labels": {"app": app}}
            return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "x"}], **spec}}

        @staticmethod
        def node(name: str, ready: str = "True", **spec: Any) -> Obj:
            condition = {"type": "Ready", "status": ready, "reason": "KubeletReady", "message": ""}
            made = {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [condition]}}
            return made if spec else {key: value for key, value in made.items() if key != "spec"}

    return Make
