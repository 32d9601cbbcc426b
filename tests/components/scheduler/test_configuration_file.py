"""KubeSchedulerConfiguration files: what they set, and what is refused, with the path of the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperpy.api import manifest
from hyperpy.client.clock import SystemClock
from hyperpy.components.scheduler import configuration_file, profiles
from hyperpy.components.scheduler.configuration_file import ConfigurationError
from hyperpy.components.scheduler.handle import Handle
from hyperpy.components.scheduler.options import Options
from hyperpy.components.scheduler.profile import Profile
from hyperpy.components.scheduler.scoring_strategies import Strategy

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


class NoInformers:
    """Caches that no plugin of these tests reads."""

    def of(self, kind: Any) -> Any:
        return None


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(**fields: Any) -> Options:
        file = tmp_path / "config.yaml"
        file.write_text(manifest.dump({**HEAD, **fields}))
        return configuration_file.read(file).options

    return read


@pytest.fixture
def built(read: Any) -> Any:
    def built(**profile: Any) -> Profile:
        options = read(profiles=[profile])
        handle = Handle(None, NoInformers(), SystemClock())  # type: ignore[arg-type]
        return next(iter(profiles.build(options.profiles, handle)))

    return built


def test_an_empty_configuration_is_the_default_scheduler(read: Any) -> None:
    options = read()
    assert [profile.scheduler_name for profile in options.profiles] == ["default-scheduler"]
    assert options.leader_election.wait and options.leader_election.name == "kube-scheduler"
    assert (options.backoff_s, options.max_backoff_s) == (1, 10)


def test_what_a_file_says_is_taken_over(read: Any) -> None:
    options = read(
        podInitialBackoffSeconds=3,
        podMaxBackoffSeconds=30,
        percentageOfNodesToScore=40,
        leaderElection={"leaderElect": False, "resourceName": "second", "leaseDuration": "1m", "renewDeadline": "30s"},
        profiles=[{"schedulerName": "a"}, {"schedulerName": "b", "percentageOfNodesToScore": 70}],
    )
    assert (options.backoff_s, options.max_backoff_s) == (3, 30)
    assert [profile.score_percentage for profile in options.profiles] == [40, 70]
    election = options.leader_election
    assert (election.wait, election.name, election.times.lease_s, election.times.retry_s) == (False, "second", 60, 2)


def test_a_file_that_kube_scheduler_wrote_with_its_defaults_is_read(read: Any) -> None:
    read(
        parallelism=16,
        enableProfiling=True,
        enableContentionProfiling=True,
        delayCacheUntilActive=False,
        clientConnection={"qps": 50, "burst": 100, "contentType": "application/vnd.kubernetes.protobuf"},
        extenders=[],
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"prallelism": 3}, "prallelism: there is no such field", id="unknown-field"),
        pytest.param({"parallelism": 3}, "parallelism: 3 is not supported; it may be 16", id="parallelism"),
        pytest.param({"clientConnection": {"qps": 7}}, "clientConnection.qps: 7 is not supported", id="qps"),
        pytest.param(
            {"extenders": [{"urlPrefix": "http://x"}]}, "extenders: HTTP extenders are not supported", id="extender"
        ),
        pytest.param({"apiVersion": "kubescheduler.config.k8s.io/v1beta3"}, "apiVersion: ", id="version"),
        pytest.param({"podInitialBackoffSeconds": 20}, "must not be less than podInitialBackoffSeconds", id="backoff"),
        pytest.param(
            {"leaderElection": {"renewDeadline": "20s"}}, "renewDeadline < leaseDuration must hold", id="lease-times"
        ),
        pytest.param({"leaderElection": {"retryPeriod": "2"}}, "retryPeriod=2 is no duration", id="duration"),
        pytest.param(
            {"profiles": [{"schedulerName": "a"}, {"schedulerName": "a"}]},
            "profiles[1].schedulerName: there is a profile a already", id="twice",
        ),
        pytest.param({"profiles": [{}, {"schedulerName": "a"}]}, "profiles[0].schedulerName: each of", id="no-name"),
        pytest.param({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Input should be", id="percentage"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(read: Any, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(**fields)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        pytest.param(
            {"plugins": {"score": {"enabled": [{"name": "NodeName"}, {"name": "Nonsense"}]}}},
            "profiles[0].plugins.score.enabled[1].name: there is no plugin Nonsense", id="unknown-plugin",
        ),
        pytest.param(
            {"plugins": {"filter": {"disabled": [{"name": "Nonsense"}]}}},
            "profiles[0].plugins.filter.disabled[0].name: there is no plugin", id="unknown-disabled",
        ),
        pytest.param(
            {"plugins": {"multiPoint": {"enabled": [{"name": "DynamicResources"}]}}},
            "hyperpy has no plugin DynamicResources", id="absent",
        ),
        pytest.param(
            {"plugins": {"filters": {}}}, "profiles[0].plugins.filters: there is no such field", id="unknown-point"
        ),
        pytest.param(
            {"plugins": {"filter": {"enabled": [{"name": "NodeName", "weight": 3}]}}},
            "only score and multiPoint have weights", id="weight",
        ),
        pytest.param(
            {"plugins": {"score": {"enabled": [{"name": "ImageLocality"}] * 2}}}, "enabled twice", id="enabled-twice"
        ),
        pytest.param(
            {"pluginConfig": [{"name": "NodeName", "args": {"x": 1}}]},
            "profiles[0].pluginConfig[0].args: NodeName takes no arguments", id="no-arguments",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 101}}]},
            "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Input should be less", id="bad-argument",
        ),
        pytest.param(
            {
                "pluginConfig": [
                    {
                        "name": "DefaultPreemption",
                        "args": {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 0},
                    }
                ]
            },
            "cannot both be 0", id="no-candidates",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "InterPodAffinity", "args": {"kind": "NodeAffinityArgs"}}]},
            "takes InterPodAffinityArgs", id="kind-of-arguments",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "InterPodAffinity"}] * 2}, "configured twice", id="configured-twice"
        ),
        pytest.param(
            {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {
                "type": "RequestedToCapacityRatio"}}}]},
            "requestedToCapacityRatio belongs to the type", id="no-shape",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {
                "type": "RequestedToCapacityRatio", "requestedToCapacityRatio": {"shape": [
                    {"utilization": 50, "score": 1}, {"utilization": 50, "score": 2}]}}}}]},
            "sorted in increasing order", id="shape-falls",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"ignoredResources": ["cpu"]}}]},
            "only extended resources", id="ignored-cpu",
        ),
        pytest.param(
            {"pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "In"}]}]}}}}]},
            "must be given when operator is In", id="added-affinity",
        ),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_is_refused_with_the_path(read: Any, profile: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(profiles=[profile])
    assert told in str(refused.value)


def test_plugins_are_disabled_at_a_point_or_everywhere_and_weights_change(built: Any) -> None:
    profile = built(
        plugins={
            "multiPoint": {
                "disabled": [{"name": "ImageLocality"}],
                "enabled": [{"name": "TaintToleration", "weight": 9}],
            },
            "score": {"disabled": [{"name": "NodeAffinity"}], "enabled": [{"name": "NodeResourcesFit", "weight": 50}]},
        }
    )
    weights = {plugin.name: weight for plugin, weight in profile.scorers}
    assert (weights["TaintToleration"], weights["NodeResourcesFit"]) == (9, 50)
    assert "ImageLocality" not in weights and "NodeAffinity" not in weights
    assert "NodeAffinity" in [each.name for each in profile.filters]


def test_all_of_a_point_can_be_disabled_and_some_named_again(built: Any) -> None:
    profile = built(
        plugins={"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "ImageLocality", "weight": 4}]}}
    )
    assert [(plugin.name, weight) for plugin, weight in profile.scorers] == [("ImageLocality", 4)]
    assert profile.filters and profile.binds


def test_arguments_reach_the_plugin(built: Any, make: Any, board: Any) -> None:
    profile = built(
        pluginConfig=[
            {"name": "NodeResourcesFit", "args": {"kind": "NodeResourcesFitArgs", "scoringStrategy": {
                "type": "MostAllocated", "resources": [{"name": "cpu", "weight": 0}]}}},
        ],
        plugins={"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}},
    )  # fmt: skip
    play = board(make.node("a"), make.node("b"))
    play.profile = profile
    play.put(make.pod("other", cpu="2"), "b")
    assert play.decide(make.pod(cpu="1")).node == "b"


@pytest.mark.parametrize(
    ("plugins", "told"),
    [
        pytest.param({"queueSort": {"disabled": [{"name": "*"}]}}, "exactly one plugin must sort", id="no-order"),
        pytest.param({"bind": {"disabled": [{"name": "*"}]}}, "at least one plugin must bind", id="no-binder"),
        pytest.param(
            {"permit": {"enabled": [{"name": "NodeName"}]}}, "permit: NodeName does not extend", id="wrong-point"
        ),
    ],
)
def test_a_profile_that_cannot_work_is_refused_at_the_start(built: Any, plugins: dict[str, Any], told: str) -> None:
    with pytest.raises(profiles.ProfileError, match=told):
        built(plugins=plugins)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read"):
        configuration_file.read(tmp_path / "none.yaml")


def test_the_default_strategy_is_least_allocated() -> None:
    assert Strategy().kind == "LeastAllocated"
