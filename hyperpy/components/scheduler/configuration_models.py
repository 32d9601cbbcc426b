"""The fields of a KubeSchedulerConfiguration, `kubescheduler.config.k8s.io/v1`.

A field that kube-scheduler has and that there is no use for here (how many goroutines, how many requests a second, its
profiling) may hold kube-scheduler's default, as files that it writes itself do, and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hyperpy import flags
from hyperpy.client.leader import LeaseTimes
from hyperpy.commands import UserError
from hyperpy.components.scheduler.arrangement import ALL
from hyperpy.components.scheduler.plugin_args import Model


class Enabled(Model):
    name: Annotated[str, Field(min_length=1)]
    weight: Annotated[int, Field(ge=0)] = 0


class Disabled(Model):
    name: Annotated[str, Field(min_length=1)]
    weight: Literal[0] = 0


class PluginSetModel(Model):
    enabled: list[Enabled] = Field(default_factory=list)
    disabled: list[Disabled] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_each_once(self) -> PluginSetModel:
        names = [each.name for each in self.enabled]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"plugin {name} is enabled twice")
            if name == ALL:
                raise ValueError("only disabled may say *")
        return self


class Plugins(Model):
    pre_enqueue: PluginSetModel = PluginSetModel()
    queue_sort: PluginSetModel = PluginSetModel()
    pre_filter: PluginSetModel = PluginSetModel()
    filter: PluginSetModel = PluginSetModel()
    post_filter: PluginSetModel = PluginSetModel()
    pre_score: PluginSetModel = PluginSetModel()
    score: PluginSetModel = PluginSetModel()
    reserve: PluginSetModel = PluginSetModel()
    permit: PluginSetModel = PluginSetModel()
    pre_bind: PluginSetModel = PluginSetModel()
    bind: PluginSetModel = PluginSetModel()
    post_bind: PluginSetModel = PluginSetModel()
    multi_point: PluginSetModel = PluginSetModel()

    def sets(self) -> dict[str, PluginSetModel]:
        """By extension point, those that say something."""
        found = {info.alias or name: getattr(self, name) for name, info in type(self).model_fields.items()}
        return {point: each for point, each in found.items() if each.enabled or each.disabled}


class PluginConfig(Model):
    name: Annotated[str, Field(min_length=1)]
    args: dict[str, Any] = Field(default_factory=dict)


class Profile(Model):
    scheduler_name: Annotated[str, Field(min_length=1)] | None = None
    percentage_of_nodes_to_score: Annotated[int, Field(ge=0, le=100)] | None = None
    plugins: Plugins = Plugins()
    plugin_config: list[PluginConfig] = Field(default_factory=list)


class LeaderElectionModel(Model):
    leader_elect: bool | None = None
    lease_duration: str = "15s"
    renew_deadline: str = "10s"
    retry_period: str = "2s"
    resource_lock: Literal["leases", ""] = "leases"
    resource_name: Annotated[str, Field(min_length=1)] = "kube-scheduler"
    resource_namespace: Annotated[str, Field(min_length=1)] = "kube-system"

    @model_validator(mode="after")
    def _times_fit(self) -> LeaderElectionModel:
        times = self.times()
        if not 0 < times.retry_s < times.renew_s < times.lease_s:
            raise ValueError("retryPeriod < renewDeadline < leaseDuration must hold")
        return self

    def times(self) -> LeaseTimes:
        try:
            return LeaseTimes(
                flags.seconds("leaseDuration", self.lease_duration),
                flags.seconds("renewDeadline", self.renew_deadline),
                flags.seconds("retryPeriod", self.retry_period),
            )
        except UserError as error:
            raise ValueError(str(error)) from error


class ClientConnection(Model):
    kubeconfig: str = ""
    accept_content_types: Literal[""] = ""
    content_type: Literal["application/vnd.kubernetes.protobuf", "application/json", ""] = ""
    qps: Literal[0, 50] = 0
    burst: Literal[0, 100] = 0


class Configuration(Model):
    api_version: Literal["kubescheduler.config.k8s.io/v1"]
    kind: Literal["KubeSchedulerConfiguration"]
    profiles: list[Profile] = Field(default_factory=list)
    percentage_of_nodes_to_score: Annotated[int, Field(ge=0, le=100)] = 0
    pod_initial_backoff_seconds: Annotated[int, Field(ge=1)] = 1
    pod_max_backoff_seconds: Annotated[int, Field(ge=1)] = 10
    leader_election: LeaderElectionModel = LeaderElectionModel()
    client_connection: ClientConnection = ClientConnection()
    parallelism: Literal[16] = 16
    enable_profiling: Literal[True] = True
    enable_contention_profiling: Literal[True] = True
    delay_cache_until_active: Literal[False] = False
    extenders: Annotated[list[Any], Field(max_length=0)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _backs_off_longer(self) -> Configuration:
        if self.pod_max_backoff_seconds < self.pod_initial_backoff_seconds:
            raise ValueError("podMaxBackoffSeconds must not be less than podInitialBackoffSeconds")
        return self
