"""Rules of how a CustomResourceDefinition's versions convert: by a webhook, or by name only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules, webhooks

Obj = dict[str, Any]

REVIEW_VERSIONS = ("v1", "v1beta1")
_STRATEGIES = ("None", "Webhook")


def conversion(given: Obj, path: str) -> Iterator[Cause]:
    """`spec.conversion`; the messages name its parts as the API server's older form does."""
    strategy, webhook = given.get("strategy"), given.get("webhook")
    yield from rules.one_of(f"{path}.strategy", strategy, _STRATEGIES)
    if strategy != "Webhook":
        if webhook is not None:
            text = "should not be set when strategy is not set to Webhook"
            yield cause.forbidden(f"{path}.webhookClientConfig", text)
        return
    config = (webhook or {}).get("clientConfig")
    where = f"{path}.webhookClientConfig"
    if config is None:
        yield cause.required(where, "required when strategy is set to Webhook")
    else:
        yield from webhooks.client_config(where, config)
    yield from _review_versions((webhook or {}).get("conversionReviewVersions") or [], path)


def _review_versions(versions: Sequence[str], path: str) -> Iterator[Cause]:
    field = f"{path}.conversionReviewVersions"
    if not versions:
        yield cause.required(field)
        return
    for i, version in enumerate(versions):
        if version in versions[:i]:
            yield cause.invalid(f"{field}[{i}]", version, "duplicate version")
            continue
        for found in rules.formed(f"{field}[{i}]", version, formats.dns_1035_label):
            yield replace(found)
    if not any(version in REVIEW_VERSIONS for version in versions):
        text = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        yield cause.invalid(field, list(versions), text)
