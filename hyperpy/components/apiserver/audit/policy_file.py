"""Reads `--audit-policy-file`: an audit.k8s.io/v1 Policy in YAML or JSON, checked whole before the server starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from hyperpy.api import manifest, names
from hyperpy.components.apiserver.audit import policy
from hyperpy.components.apiserver.audit.policy import LEVELS, GroupResources, Policy, Rule
from hyperpy.components.supervisor import StartFailure

_LevelName = Literal["None", "Metadata", "Request", "RequestResponse"]
_Stage = Literal["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class _GroupResources(_Model):
    group: str = ""
    resources: list[str] = []
    resource_names: list[str] = []

    @field_validator("group")
    @classmethod
    def _is_group(cls, group: str) -> str:
        problems = names.subdomain_errors(group) if group else []
        if problems:
            raise ValueError(problems[0])
        return group

    @model_validator(mode="after")
    def _names_need_resources(self) -> _GroupResources:
        if self.resource_names and not self.resources:
            raise ValueError("using resourceNames requires at least one resource")
        return self


class _Rule(_Model):
    level: _LevelName
    users: list[str] = []
    user_groups: list[str] = []
    verbs: list[str] = []
    resources: list[_GroupResources] = []
    namespaces: list[str] = []
    non_resource_urls: list[str] = []
    omit_stages: list[_Stage] = []
    omit_managed_fields: bool | None = None

    model_config = ConfigDict(
        alias_generator=lambda name: "nonResourceURLs" if name.endswith("urls") else to_camel(name)
    )

    @field_validator("non_resource_urls")
    @classmethod
    def _are_urls(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if url != "*" and not url.startswith("/"):
                raise ValueError("non-resource URL rules must begin with a '/' character")
            if "*" in url[:-1]:
                raise ValueError("non-resource URL wildcards '*' must be the final character of the rule")
        return urls

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> _Rule:
        if self.non_resource_urls and (self.resources or self.namespaces):
            raise ValueError("rules cannot apply to both regular resources and non-resource URLs")
        return self

    def rule(self) -> Rule:
        return Rule(
            LEVELS[self.level],
            users=tuple(self.users),
            groups=tuple(self.user_groups),
            verbs=tuple(self.verbs),
            resources=tuple(
                GroupResources(each.group, tuple(each.resources), tuple(each.resource_names)) for each in self.resources
            ),
            namespaces=tuple(self.namespaces),
            urls=tuple(self.non_resource_urls),
            omit_stages=tuple(self.omit_stages),
            omit_managed_fields=self.omit_managed_fields,
        )


class _Policy(_Model):
    api_version: Literal["audit.k8s.io/v1"]
    kind: Literal["Policy"]
    metadata: dict[str, Any] = {}
    rules: list[_Rule]
    omit_stages: list[_Stage] = []
    omit_managed_fields: bool = False


def read(path: Path) -> Policy:
    """The policy in a file.

    Raises:
        StartFailure: it cannot be read, or is no policy; the message names the field.
    """
    try:
        found = _Policy.model_validate(manifest.load(path.read_bytes()))
    except OSError as error:
        raise StartFailure(f"--audit-policy-file: cannot read {path}: {error.strerror}") from error
    except manifest.ManifestError as error:
        raise StartFailure(f"--audit-policy-file {path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise StartFailure(f"--audit-policy-file {path}: {where}: {first['msg']}") from error
    if not found.rules:
        raise StartFailure(f"--audit-policy-file {path}: loaded illegal policy with 0 rules")
    return policy.Policy(
        tuple(rule.rule() for rule in found.rules), tuple(found.omit_stages), found.omit_managed_fields
    )
