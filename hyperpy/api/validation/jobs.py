"""Rules of Jobs: the spec by itself, its generated selector and what may change of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hyperpy.api import labels, names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, job_policies, job_status, pod_spec, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

INDEXED, NON_INDEXED = "Indexed", "NonIndexed"
OLD_NAME_LABEL, OLD_UID_LABEL = "job-name", "controller-uid"
NAME_LABEL, UID_LABEL = "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"
_NUMBERS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_MOST_INDEXES = 100_000
_MOST_BEYOND = 10_000
_MAX_MANAGER_LENGTH = 63
_REPLACEMENTS = ("Failed", "TerminatingOrFailed")
_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
#: What of a template may change while its Job is suspended and has not begun.
_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def job(obj: Obj) -> Iterator[Cause]:
    """A new Job."""
    spec, meta = obj.get("spec") or {}, obj["metadata"]
    yield from _generated(spec, meta)
    yield from _whole(spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == INDEXED and completions > 0:
        last = f"{meta.get('name')}-{completions - 1}"
        if formats.dns_label(last):
            text = f"will not able to create pod with invalid DNS label: {last}"
            yield cause.invalid("metadata.name", meta.get("name"), text)


def job_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed Job: what its pods are made from stays."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    yield from _whole(now)
    yield from _completions(now, before)
    yield from rules.immutable("spec.selector", now.get("selector"), before.get("selector"))
    waiting = bool(before.get("suspend")) and not (old.get("status") or {}).get("startTime")
    template, old_template = now.get("template") or {}, before.get("template") or {}
    if waiting:
        old_template = _with_scheduling_of(template, old_template)
    yield from rules.immutable("spec.template", template, old_template)
    for field in _IMMUTABLE:
        yield from rules.immutable(f"spec.{field}", now.get(field), before.get(field))


def spec_rules(spec: Obj, path: str) -> Iterator[Cause]:
    """A Job's spec without its selector, in a Job or in the template of a CronJob."""
    yield from rules.not_negative(spec, path, *_NUMBERS)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield cause.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    manager = spec.get("managedBy")
    if manager is not None:
        yield from _manager(manager, f"{path}.managedBy")
    mode = spec.get("completionMode")
    if mode not in (None, NON_INDEXED, INDEXED):
        yield cause.not_supported(f"{path}.completionMode", mode, (NON_INDEXED, INDEXED))
    if mode == INDEXED:
        yield from _indexed(spec, path)
    elif mode in (None, NON_INDEXED):
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(field) is not None:
                yield cause.invalid(f"{path}.{field}", spec[field], "requires indexed completion mode")
    if spec.get("podFailurePolicy") is not None:
        yield from job_policies.failure(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        if mode != INDEXED:
            yield cause.invalid(f"{path}.successPolicy", spec["successPolicy"], "requires indexed completion mode")
        else:
            yield from job_policies.success(spec, f"{path}.successPolicy")
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        supported = _REPLACEMENTS[:1] if spec.get("podFailurePolicy") is not None else _REPLACEMENTS
        if replacement not in supported:
            yield cause.not_supported(f"{path}.podReplacementPolicy", replacement, supported)
    yield from _template(spec, f"{path}.template")


def _whole(spec: Obj) -> Iterator[Cause]:
    yield from spec_rules(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        yield cause.required("spec.selector")
    yield from rules.label_selector("spec.selector", selector)
    own = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not _selects(selector, own):
        yield cause.invalid("spec.template.metadata.labels", own, "`selector` does not match template `labels`")


def _selects(selector: Obj | None, own: dict[str, str]) -> bool:
    try:
        return labels.from_selector(selector).matches(own)
    except ValueError:
        return True


def _generated(spec: Obj, meta: Obj) -> Iterator[Cause]:
    """A selector that was not given by hand is the one the API server makes, and so are the labels it selects."""
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    own = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    expected = {OLD_UID_LABEL: uid, OLD_NAME_LABEL: name, UID_LABEL: uid, NAME_LABEL: name}
    for label, value in expected.items():
        path = f"spec.template.metadata.labels[{label}]"
        if label not in own:
            yield cause.required(path, f"must be '{value}'")
        elif own[label] != value:
            yield cause.invalid(path, own, f"must be '{value}'")
    if not _selects(spec["selector"], expected):
        yield cause.invalid("spec.selector", spec["selector"], "`selector` not auto-generated")


def _manager(name: str, path: str) -> Iterator[Cause]:
    domain, slash, rest = name.partition("/")
    if not slash or not domain or not rest:
        yield cause.invalid(path, name, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        for problem in names.subdomain_errors(domain):
            yield cause.invalid(path, domain, problem)
    if len(name) > _MAX_MANAGER_LENGTH:
        yield cause.too_long(path, _MAX_MANAGER_LENGTH)


def _indexed(spec: Obj, path: str) -> Iterator[Cause]:
    completions, parallelism, failed = (
        spec.get("completions"), spec.get("parallelism") or 0, spec.get("maxFailedIndexes"),
    )  # fmt: skip
    if completions is None:
        yield cause.required(f"{path}.completions", f"when completion mode is {INDEXED}")
    if parallelism > _MOST_INDEXES:
        text = f"must be less than or equal to {_MOST_INDEXES} when completion mode is {INDEXED}"
        yield cause.invalid(f"{path}.parallelism", parallelism, text)
    if completions is not None and failed is not None and failed > completions:
        yield cause.invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if failed is not None and failed > _MOST_INDEXES:
        yield cause.invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_MOST_INDEXES}")
    if (completions or 0) <= _MOST_INDEXES or spec.get("backoffLimitPerIndex") is None:
        return
    if failed is None:
        text = f"must be specified when completions is above {_MOST_INDEXES}"
        yield cause.required(f"{path}.maxFailedIndexes", text)
    text = (
        f"must be less than or equal to {_MOST_BEYOND} when completions are above {_MOST_INDEXES} and used with "
        "backoff limit per index"
    )
    for field, value in (("parallelism", parallelism), ("maxFailedIndexes", failed or 0)):
        if value > _MOST_BEYOND:
            yield cause.invalid(f"{path}.{field}", value, text)


def _template(spec: Obj, path: str) -> Iterator[Cause]:
    template = spec.get("template") or {}
    yield from pod_spec.template(template, path)
    policy, place = (template.get("spec") or {}).get("restartPolicy"), f"{path}.spec.restartPolicy"
    if policy in (None, "", "Always"):
        # It may have been defaulted, so that nobody has written the value.
        yield cause.required(place, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield cause.not_supported(place, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield cause.invalid(place, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _completions(now: Obj, before: Obj) -> Iterator[Cause]:
    """Fixed, but that an Indexed Job may grow and shrink together with its parallelism."""
    value = now.get("completions")
    if now.get("completionMode") != INDEXED:
        yield from rules.immutable("spec.completions", value, before.get("completions"))
    elif value not in (None, before.get("completions")) and value != now.get("parallelism"):
        yield cause.invalid("spec.completions", value, "can only be modified in tandem with spec.parallelism")


def _with_scheduling_of(template: Obj, old_template: Obj) -> Obj:
    """The old template with what says where its pods may run taken from the new one."""
    merged = deepcopy(old_template)
    spec, given = merged.setdefault("spec", {}), template.get("spec") or {}
    for field in _SCHEDULING:
        spec[field] = given.get(field)
    affinity = {**(spec.get("affinity") or {}), "nodeAffinity": (given.get("affinity") or {}).get("nodeAffinity")}
    spec["affinity"] = affinity
    own = template.get("metadata") or {}
    merged["metadata"] = {
        **(merged.get("metadata") or {}),
        "labels": own.get("labels"),
        "annotations": own.get("annotations"),
    }
    return merged


RULES = {("batch", "Job"): Rules(job, job_update, job_status.update, whole=False)}
