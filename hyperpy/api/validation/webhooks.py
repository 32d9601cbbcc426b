"""Rules of MutatingWebhookConfigurations and ValidatingWebhookConfigurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import admission_matching as matching
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = Mapping[str, Any]

#: Versions of AdmissionReview that the server speaks.
REVIEW_VERSIONS = ("v1", "v1beta1")
_NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REINVOCATION = ("IfNeeded", "Never")
_FORM = "; desired format: https://host[/path]"


def on_create(obj: Obj) -> Iterator[Cause]:
    """A new configuration."""
    yield from _configuration(obj, conditions=True)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed one; match conditions that stay as they are are not compiled again."""
    before, after = ([hook.get("matchConditions") for hook in each.get("webhooks") or ()] for each in (old, new))
    yield from _configuration(new, conditions=not same(before, after))


def _configuration(obj: Obj, *, conditions: bool) -> Iterator[Cause]:
    hooks = obj.get("webhooks") or ()
    for i, hook in enumerate(hooks):
        yield from _webhook(f"webhooks[{i}]", hook, conditions=conditions)
    yield from rules.unique("webhooks", [hook.get("name") for hook in hooks], field="name")


def _webhook(path: str, hook: Obj, *, conditions: bool) -> Iterator[Cause]:
    yield from fully_qualified(f"{path}.name", hook.get("name") or "")
    for i, rule in enumerate(hook.get("rules") or ()):
        yield from matching.resource_rule(f"{path}.rules[{i}]", rule)
    yield from _choices(path, hook)
    timeout = hook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        yield cause.invalid(f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds")
    for name in ("namespaceSelector", "objectSelector"):
        yield from rules.label_selector(f"{path}.{name}", hook.get(name))
    yield from client_config(f"{path}.clientConfig", hook.get("clientConfig") or {})
    if conditions:
        yield from matching.match_conditions(f"{path}.matchConditions", hook.get("matchConditions") or ())
    yield from _review_versions(f"{path}.admissionReviewVersions", hook.get("admissionReviewVersions") or ())


def _choices(path: str, hook: Obj) -> Iterator[Cause]:
    for name, supported in (
        ("failurePolicy", matching.FAILURE_POLICIES),
        ("matchPolicy", matching.MATCH_POLICIES),
        ("reinvocationPolicy", _REINVOCATION),
    ):
        if hook.get(name) is not None and hook[name] not in supported:
            yield cause.not_supported(f"{path}.{name}", hook[name], supported)
    effects = hook.get("sideEffects")
    if effects is None:
        yield cause.required(f"{path}.sideEffects", f"must specify one of {', '.join(_NO_SIDE_EFFECTS)}")
    elif effects not in _NO_SIDE_EFFECTS:
        yield cause.not_supported(f"{path}.sideEffects", effects, _NO_SIDE_EFFECTS)


def fully_qualified(path: str, name: str) -> Iterator[Cause]:
    """A name of a domain with at least three parts."""
    if not name:
        yield cause.required(path)
        return
    problems = names.subdomain_errors(name)
    for problem in problems:
        yield cause.invalid(path, name, problem)
    if not problems and name.count(".") < 2:
        yield cause.invalid(path, name, "should be a domain with at least three segments separated by dots")


def client_config(path: str, config: Obj) -> Iterator[Cause]:
    """How to reach a webhook: a URL or a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield cause.required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(f"{path}.url", url)
    else:
        yield from _service(f"{path}.service", service or {})


def _url(path: str, url: str) -> Iterator[Cause]:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        yield cause.required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield cause.invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        yield cause.invalid(path, parts.netloc, f"host must be provided{_FORM}")
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        yield cause.invalid(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield cause.invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield cause.invalid(path, parts.query, "query parameters are not permitted in the URL")


def _service(path: str, service: Obj) -> Iterator[Cause]:
    if not service.get("name"):
        yield cause.required(f"{path}.name", "service name is required")
    if not service.get("namespace"):
        yield cause.required(f"{path}.namespace", "service namespace is required")
    problems = formats.port_number(service.get("port") or 0)
    if problems:
        yield cause.invalid(f"{path}.port", service.get("port") or 0, f"port is not valid: {', '.join(problems)}")
    where = service.get("path")
    if where and where != "/":
        yield from _path(f"{path}.path", where)


def _path(path: str, where: str) -> Iterator[Cause]:
    if where == "//":
        yield cause.invalid(path, where, "segment[0] may not be empty")
        return
    if not where.startswith("/"):
        yield cause.invalid(path, where, "must start with a '/'")
    for i, step in enumerate(where[1:].removesuffix("/").split("/")):
        if not step:
            yield cause.invalid(path, where, f"segment[{i}] may not be empty")
            continue
        for problem in names.subdomain_errors(step):
            yield cause.invalid(path, where, f"segment[{i}]: {problem}")


def _review_versions(path: str, versions: Sequence[str]) -> Iterator[Cause]:
    listed = ", ".join(REVIEW_VERSIONS)
    if not versions:
        yield cause.required(path, f"must specify one of {listed}")
        return
    for i, version in enumerate(versions):
        if version in versions[:i]:
            yield cause.invalid(f"{path}[{i}]", version, "duplicate version")
            continue
        yield from rules.formed(f"{path}[{i}]", version, formats.dns_1035_label)
    if not any(version in REVIEW_VERSIONS for version in versions):
        yield cause.invalid(path, versions, f"must include at least one of {listed}")


_GROUP = "admissionregistration.k8s.io"
_OWN = Rules(on_create, on_update, whole=False)
RULES = {
    (_GROUP, "MutatingWebhookConfiguration"): _OWN,
    (_GROUP, "ValidatingWebhookConfiguration"): _OWN,
}
