"""AlwaysPullImages: no Pod runs an image that its node has without asking the registry (off by default).

Source: the admission controllers reference, "AlwaysPullImages".
"""

from __future__ import annotations

from collections.abc import Iterator

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, Obj, refusal

_FIELDS = ("initContainers", "containers", "ephemeralContainers")
_ALWAYS = "Always"


class AlwaysPullImages:
    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if _is_judged(attributes) and attributes.obj is not None:
            for _, container in _containers(attributes.obj):
                container["imagePullPolicy"] = _ALWAYS

    async def validate(self, attributes: Attributes) -> None:
        if not _is_judged(attributes) or attributes.obj is None:
            return
        for path, container in _containers(attributes.obj):
            policy = container.get("imagePullPolicy") or ""
            if policy != _ALWAYS:
                text = f'{path}.imagePullPolicy: Unsupported value: "{policy}": supported values: "{_ALWAYS}"'
                raise refusal(attributes, text)


def _is_judged(attributes: Attributes) -> bool:
    """A new Pod, or one with images that it had not."""
    if attributes.operation not in (CREATE, UPDATE) or attributes.subresource not in ("", "ephemeralcontainers"):
        return False
    if attributes.old is None or attributes.obj is None:
        return True
    before = {container.get("image") for _, container in _containers(attributes.old)}
    return any(container.get("image") not in before for _, container in _containers(attributes.obj))


def _containers(pod: Obj) -> Iterator[tuple[str, Obj]]:
    for field in _FIELDS:
        for index, container in enumerate((pod.get("spec") or {}).get(field) or ()):
            yield f"spec.{field}[{index}]", container
