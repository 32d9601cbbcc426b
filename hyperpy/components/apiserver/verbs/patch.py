"""patch: the current object with a JSON, merge or strategic merge patch laid over it; again when it has changed."""

from __future__ import annotations

from hyperpy.api import schema
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.content import field_validation, negotiation, patching, write_options
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import apply, write
from hyperpy.components.apiserver.writes import updating
from hyperpy.components.apiserver.writes.writing import Write


async def patch(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PATCH of an object or of its status."""
    if patching.media_type(request) == patching.APPLY_PATCH:
        return await apply.patch(core, request, info, kind)
    form = negotiation.accepted(request)
    options = write_options.parse(request, "PatchOptions")
    content = patching.read(request, find_repeated=options.field_validation != write_options.IGNORE)
    if kind.definition is not None:
        patching.check_custom(content)
    target = write.target(request, info, kind, dry_run=options.dry_run)
    change = _Change(target, content, options.field_validation)
    rules = updating.BY_SUBRESOURCE[info.subresource]
    written = await updating.update(core, target, change.transform, rules=rules)
    if kind is CUSTOM_RESOURCE_DEFINITION:
        await core.definitions.reach(written.revision)
    return write.answer(core, kind, form, written, [*change.warnings, *target.warnings])


class _Change:
    """The transform of one patch, and the warnings its last round gave."""

    def __init__(self, target: Write, content: patching.Patch, level: str) -> None:
        self._target = target
        self._content = content
        self._level = level
        self.warnings: list[str] = []

    async def transform(self, old: Obj) -> Obj:
        kind, content = self._target.kind, self._content
        new = content.apply(old if content.touches_managers else _bare(old), schema.of(kind).root)
        field_validation.identify(kind, new)
        decoded = schema.of(kind).decode(new)
        if decoded.causes:
            raise content.rejection(", ".join(map(str, decoded.causes)))
        self.warnings = []
        if self._level != write_options.IGNORE:
            self.warnings = field_validation.complaints(sorted(decoded.unknown), content.repeated)
        if self.warnings and self._level == write_options.STRICT:
            raise content.rejection(f"strict decoding error: {', '.join(self.warnings)}")
        based_on = new["metadata"].get("resourceVersion")
        if based_on and based_on != old["metadata"]["resourceVersion"]:
            raise updating.conflict(self._target, updating.MODIFIED_MEANWHILE)
        return new


def _bare(obj: Obj) -> Obj:
    """An object without its managers, which are large and would be copied."""
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}
