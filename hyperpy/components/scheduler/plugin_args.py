"""Arguments of the built-in plugins, as `pluginConfig` gives them: checked, and made keywords of the plugin.

Source: the API reference of `kubescheduler.config.k8s.io/v1`. Loaded only when there is a configuration
file.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from hyperpy.components.scheduler.requests import CPU, MEMORY
from hyperpy.components.scheduler.scoring_strategies import RATIO, Strategy

_CORE = {CPU, MEMORY, "pods", "ephemeral-storage"}


class Model(BaseModel):
    """Fields as they are written, and no others."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False, strict=True
    )


class Args(Model):
    """Arguments of a plugin."""

    api_version: Literal["kubescheduler.config.k8s.io/v1", ""] = ""
    kind: str = ""

    def keywords(self) -> dict[str, Any]:
        """For the plugin's class."""
        raise NotImplementedError


class _Resource(Model):
    name: Annotated[str, Field(min_length=1)]
    weight: Annotated[int, Field(ge=0, le=100)] = 1


class _Point(Model):
    utilization: Annotated[int, Field(ge=0, le=100)]
    score: Annotated[int, Field(ge=0, le=10)]


class _Ratio(Model):
    shape: Annotated[list[_Point], Field(min_length=1)]

    @field_validator("shape")
    @classmethod
    def _rises(cls, shape: list[_Point]) -> list[_Point]:
        if any(first.utilization >= then.utilization for first, then in pairwise(shape)):
            raise ValueError("utilization values must be sorted in increasing order")
        return shape


class _ScoringStrategy(Model):
    type: Literal["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] = "LeastAllocated"
    resources: list[_Resource] = []
    requested_to_capacity_ratio: _Ratio | None = None

    @model_validator(mode="after")
    def _has_its_shape(self) -> _ScoringStrategy:
        if (self.type == RATIO) != (self.requested_to_capacity_ratio is not None):
            raise ValueError(f"requestedToCapacityRatio belongs to the type {RATIO}, and only to it")
        return self

    def strategy(self) -> Strategy:
        weights = {each.name: each.weight or 1 for each in self.resources} or {CPU: 1, MEMORY: 1}
        ratio = self.requested_to_capacity_ratio
        shape = tuple((float(point.utilization), float(point.score)) for point in ratio.shape) if ratio else ()
        return Strategy(self.type, weights, shape)


class NodeResourcesFitArgs(Args):
    ignored_resources: list[str] = []
    ignored_resource_groups: list[str] = []
    scoring_strategy: _ScoringStrategy = _ScoringStrategy()

    @field_validator("ignored_resources")
    @classmethod
    def _are_extended(cls, names: list[str]) -> list[str]:
        for name in names:
            if name in _CORE:
                raise ValueError(f"{name} is always looked at; only extended resources can be ignored")
        return names

    @field_validator("ignored_resource_groups")
    @classmethod
    def _are_groups(cls, names: list[str]) -> list[str]:
        for name in names:
            if "/" in name:
                raise ValueError(f"resource group name {name!r} can't contain '/'")
        return names

    def keywords(self) -> dict[str, Any]:
        return {
            "strategy": self.scoring_strategy.strategy(),
            "ignored": frozenset(self.ignored_resources),
            "ignored_groups": frozenset(self.ignored_resource_groups),
        }


class NodeResourcesBalancedAllocationArgs(Args):
    resources: list[_Resource] = []

    @field_validator("resources")
    @classmethod
    def _weigh_the_same(cls, resources: list[_Resource]) -> list[_Resource]:
        if any(each.weight not in (0, 1) for each in resources):
            raise ValueError("weight must be 1")
        if len({each.name for each in resources}) != len(resources):
            raise ValueError("a resource is there twice")
        return resources

    def keywords(self) -> dict[str, Any]:
        return {"resources": tuple(each.name for each in self.resources) or (CPU, MEMORY)}


class InterPodAffinityArgs(Args):
    hard_pod_affinity_weight: Annotated[int, Field(ge=0, le=100)] = 1
    ignore_preferred_terms_of_existing_pods: bool = False

    def keywords(self) -> dict[str, Any]:
        return {
            "hard_weight": self.hard_pod_affinity_weight,
            "ignore_preferred": self.ignore_preferred_terms_of_existing_pods,
        }


class _Expression(Model):
    key: Annotated[str, Field(min_length=1)]
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str] = []

    @model_validator(mode="after")
    def _fits(self) -> _Expression:
        count = {"Exists": 0, "DoesNotExist": 0, "Gt": 1, "Lt": 1}.get(self.operator)
        if count is None and not self.values:
            raise ValueError(f"values: must be given when operator is {self.operator}")
        if count is not None and len(self.values) != count:
            raise ValueError(f"values: operator {self.operator} takes {count}")
        if self.operator in ("Gt", "Lt") and not self.values[0].lstrip("-").isdigit():
            raise ValueError(f"values: operator {self.operator} takes a whole number")
        return self


class _Field(_Expression):
    key: Literal["metadata.name"]
    operator: Literal["In", "NotIn"]


class _Term(Model):
    match_expressions: list[_Expression] = []
    match_fields: list[_Field] = []


class _Selector(Model):
    node_selector_terms: Annotated[list[_Term], Field(min_length=1)]


class _Preference(Model):
    weight: Annotated[int, Field(ge=1, le=100)]
    preference: _Term


class _NodeAffinity(Model):
    required: _Selector | None = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[_Preference] = Field([], alias="preferredDuringSchedulingIgnoredDuringExecution")


class DefaultPreemptionArgs(Args):
    min_candidate_nodes_percentage: Annotated[int, Field(ge=0, le=100)] = 10
    min_candidate_nodes_absolute: Annotated[int, Field(ge=0)] = 100

    @model_validator(mode="after")
    def _tries_some(self) -> DefaultPreemptionArgs:
        if not self.min_candidate_nodes_percentage and not self.min_candidate_nodes_absolute:
            raise ValueError("minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be 0")
        return self

    def keywords(self) -> dict[str, Any]:
        return {"at_least": self.min_candidate_nodes_absolute, "percent": self.min_candidate_nodes_percentage}


class NodeAffinityArgs(Args):
    added_affinity: _NodeAffinity | None = None

    def keywords(self) -> dict[str, Any]:
        if self.added_affinity is None:
            return {}
        return {"added": self.added_affinity.model_dump(by_alias=True, exclude_none=True)}


#: By plugin; one that is not here takes none.
MODELS: dict[str, type[Args]] = {
    "NodeResourcesFit": NodeResourcesFitArgs,
    "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocationArgs,
    "InterPodAffinity": InterPodAffinityArgs,
    "DefaultPreemption": DefaultPreemptionArgs,
    "NodeAffinity": NodeAffinityArgs,
}
