"""Rules of a pod's volumes: unique names, exactly one source each, what each source needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import environment, formats, metadata, persistentvolume, rules, volume_sources
from hyperpy.api.validation.container import PULL_POLICIES

Obj = dict[str, Any]

#: Stands for the name of a pod that has none yet.
UNNAMED = "?"
_CLAIM_METADATA = ("labels", "annotations")
_MIN_TOKEN_S, _MAX_TOKEN_S = 600, 1 << 32


def of_pod(volumes: Sequence[Obj], path: str, *, pod_name: str) -> Iterator[Cause]:
    """The list of volumes; `pod_name` is "" in templates."""
    claims = {f"{pod_name}-{volume.get('name')}" for volume in volumes if pod_name and "ephemeral" in volume}
    for i, volume in enumerate(volumes):
        place = f"{path}[{i}]"
        yield from _source(volume, place, is_pod=bool(pod_name))
        yield from rules.required(f"{place}.name", volume.get("name"), formats.dns_label)
        if volume.get("ephemeral") is not None and volume.get("name") and pod_name not in ("", UNNAMED):
            made = f"{pod_name}-{volume['name']}"
            for problem in names.subdomain_errors(made):
                yield cause.invalid(f"{place}.name", volume["name"], f'PVC name "{made}": {problem}')
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in claims:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            yield cause.invalid(f"{place}.persistentVolumeClaim.claimName", claim, text)
    yield from rules.unique(path, [volume.get("name") for volume in volumes], field="name")


def _source(volume: Obj, path: str, *, is_pod: bool) -> Iterator[Cause]:
    name = yield from volume_sources.only_one(volume, path, volume_sources.OF_PODS)
    if name is None:
        return
    source, place = volume[name], f"{path}.{name}"
    yield from volume_sources.check(name, source, place)
    yield from rules.file_mode(f"{place}.defaultMode", source.get("defaultMode"))
    match name:
        case "emptyDir":
            if quantity.parse(source.get("sizeLimit") or "0") < 0:
                yield cause.forbidden(f"{place}.sizeLimit", "SizeLimit field must be a valid resource quantity")
        case "secret" | "configMap":
            yield from _items(source, place)
        case "downwardAPI":
            for file in source.get("items") or ():
                yield from _downward_file(file, place)
        case "projected":
            yield from _projected(source, place)
        case "ephemeral":
            yield from _claim_template(source.get("volumeClaimTemplate"), f"{place}.volumeClaimTemplate")
        case "image":
            yield from _image(source, place, is_pod=is_pod)


def _claim_template(template: Obj | None, path: str) -> Iterator[Cause]:
    """The claim that is made for a pod: of its metadata, only labels and annotations are the user's."""
    if template is None:
        return
    meta = template.get("metadata") or {}
    yield from rules.labels(f"{path}.metadata.labels", meta.get("labels"))
    yield from metadata.annotation_map(f"{path}.metadata.annotations", meta.get("annotations"))
    for field in meta:
        if field not in _CLAIM_METADATA and meta[field]:
            yield cause.forbidden(f"{path}.metadata.{field}", "cannot be set")
    yield from persistentvolume.claim_spec(template.get("spec") or {}, f"{path}.spec")


def _image(source: Obj, path: str, *, is_pod: bool) -> Iterator[Cause]:
    if is_pod and not source.get("reference"):
        yield cause.required(f"{path}.reference")
    yield from rules.one_of(f"{path}.pullPolicy", source.get("pullPolicy"), PULL_POLICIES)


def _items(source: Obj, path: str) -> Iterator[Cause]:
    for i, item in enumerate(source.get("items") or ()):
        place = f"{path}.items[{i}]"
        for field in ("key", "path"):
            if not item.get(field):
                yield cause.required(f"{place}.{field}")
        yield from rules.formed(f"{place}.path", item.get("path") or "", formats.file_path)
        yield from rules.file_mode(f"{place}.mode", item.get("mode"))


def _downward_file(file: Obj, path: str) -> Iterator[Cause]:
    if not file.get("path"):
        yield cause.required(f"{path}.path")
    yield from rules.formed(f"{path}.path", file.get("path") or "", formats.file_path)
    if file.get("fieldRef") is not None:
        yield from environment.field_reference(
            file["fieldRef"], f"{path}.fieldRef", supported=environment.VOLUME_FIELDS
        )
        if file.get("resourceFieldRef") is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield cause.invalid(path, "resource", text)
    elif file.get("resourceFieldRef") is not None:
        place = f"{path}.resourceFieldRef"
        yield from environment.resource_reference(file["resourceFieldRef"], place, in_volume=True)
    else:
        yield cause.required(path, "one of fieldRef and resourceFieldRef is required")
    yield from rules.file_mode(f"{path}.mode", file.get("mode"))


def _projected(source: Obj, path: str) -> Iterator[Cause]:
    files: set[str] = set()
    kinds = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
    for i, projection in enumerate(source.get("sources") or ()):
        place = f"{path}.sources[{i}]"
        chosen = [kind for kind in kinds if projection.get(kind) is not None]
        if not chosen:
            yield cause.required(place, f"must specify one of: {', '.join(f'`{kind}`' for kind in kinds)}")
        for kind in chosen[1:]:
            yield cause.forbidden(f"{place}.{kind}", "may not specify more than 1 volume type")
        for kind in chosen[:1]:
            yield from _projection(kind, projection[kind], path, place)
            for file in projection[kind].get("items") or ():
                name = file.get("path")
                if name and name in files:
                    yield cause.invalid(path, projection[kind].get("name") or name, "conflicting duplicate paths")
                files.add(name)


def _projection(kind: str, projection: Obj, path: str, place: str) -> Iterator[Cause]:
    if kind in ("secret", "configMap"):
        yield from rules.required(f"{place}.{kind}.name", projection.get("name"))
        yield from _items(projection, f"{place}.{kind}")
    elif kind == "downwardAPI":
        for file in projection.get("items") or ():
            yield from _downward_file(file, f"{place}.{kind}")
    elif kind == "serviceAccountToken":
        yield from _token(projection, path, f"{place}.{kind}")
    elif kind == "clusterTrustBundle":
        yield from _trust_bundle(projection, f"{place}.{kind}")


def _trust_bundle(projection: Obj, path: str) -> Iterator[Cause]:
    name, signer = projection.get("name"), projection.get("signerName")
    if name is not None and signer is not None:
        yield cause.wrong(path, "only one of name and signerName may be used")
    elif name is not None:
        yield from rules.required(f"{path}.name", name, names.subdomain_errors)
        if projection.get("labelSelector") is not None:
            yield cause.wrong(f"{path}.labelSelector", "labelSelector must be unset if name is specified")
    elif signer is not None:
        yield from rules.required(f"{path}.signerName", signer)
        yield from rules.label_selector(f"{path}.labelSelector", projection.get("labelSelector"))
    else:
        yield cause.required(path, "either name or signerName must be specified")
    yield from rules.required(f"{path}.path", projection.get("path"), formats.file_path)


def _token(projection: Obj, path: str, place: str) -> Iterator[Cause]:
    seconds = projection.get("expirationSeconds") or 0
    if seconds < _MIN_TOKEN_S:
        yield cause.invalid(f"{place}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > _MAX_TOKEN_S:
        text = "may not specify a duration larger than 2^32 seconds"
        yield cause.invalid(f"{place}.expirationSeconds", seconds, text)
    yield from rules.required(f"{path}.path", projection.get("path"), formats.file_path)
