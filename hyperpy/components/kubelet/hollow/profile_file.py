"""Reads `--hollow-profile`: YAML or JSON, checked whole before the nodes start. Needs pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from hyperpy.api import labels, manifest, quantity
from hyperpy.commands import UserError
from hyperpy.components.kubelet.hollow.profile import Behaviour, NodeSize, Profile, Rule, Span

_Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class _Seconds(_Model):
    """A number, or two between which one is drawn."""

    least: _Duration
    most: _Duration

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_number(cls, value: Any) -> Any:
        return {"least": value, "most": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _is_in_order(self) -> _Seconds:
        if self.most < self.least:
            raise ValueError("most is smaller than least")
        return self

    def span(self) -> Span:
        return Span(self.least, self.most)


_AT_ONCE = _Seconds(least=0, most=0)


class _Rule(_Model):
    selector: str = ""
    image: str = "*"
    start_seconds: _Seconds = _AT_ONCE
    ready_seconds: _Seconds = _AT_ONCE
    run_seconds: _Seconds | None = None
    stop_seconds: _Seconds = _AT_ONCE
    exit_code: Annotated[int, Field(ge=0, le=255)] = 0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("selector")
    @classmethod
    def _is_selector(cls, text: str) -> str:
        labels.parse(text)
        return text

    @model_validator(mode="after")
    def _exit_code_needs_an_end(self) -> _Rule:
        if self.exit_code and self.run_seconds is None:
            raise ValueError("exitCode needs runSeconds: without it the container does not end by itself")
        return self

    def rule(self) -> Rule:
        behaviour = Behaviour(
            start=self.start_seconds.span(),
            ready=self.ready_seconds.span(),
            run=self.run_seconds.span() if self.run_seconds is not None else None,
            stop=self.stop_seconds.span(),
            exit_code=self.exit_code,
            failure_rate=self.failure_rate,
        )
        return Rule(labels.parse(self.selector), self.image, behaviour)


class _Node(_Model):
    cpu: Annotated[int, Field(ge=1)] = NodeSize().cpus
    memory: str = "128Gi"
    ephemeral_storage: str = "100Gi"

    @field_validator("memory", "ephemeral_storage")
    @classmethod
    def _is_quantity(cls, text: str) -> str:
        if quantity.to_int(text) <= 0:
            raise ValueError("must be more than nothing")
        return text

    def size(self) -> NodeSize:
        return NodeSize(self.cpu, quantity.to_int(self.memory), quantity.to_int(self.ephemeral_storage))


class _Profile(_Model):
    node: _Node = _Node()
    rules: list[_Rule] = []


def read(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        UserError: it cannot be read, or is no profile; the message names the field.
    """
    try:
        found = _Profile.model_validate(manifest.load(path.read_bytes()))
    except OSError as error:
        raise UserError(f"--hollow-profile: cannot read {path}: {error.strerror}") from error
    except manifest.ManifestError as error:
        raise UserError(f"--hollow-profile {path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UserError(f"--hollow-profile {path}: {where}: {first['msg']}") from error
    return Profile(tuple(rule.rule() for rule in found.rules), found.node.size())
