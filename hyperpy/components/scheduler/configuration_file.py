"""Reads `--config`: a KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1, checked whole before the start.

Source: "Scheduler Configuration"; the API reference "kube-scheduler Configuration (v1)".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hyperpy.api import manifest
from hyperpy.components.scheduler import configuration_models as models
from hyperpy.components.scheduler import third_party
from hyperpy.components.scheduler.arrangement import ALL, MULTI_POINT, Choice, PluginSet
from hyperpy.components.scheduler.options import LeaderElection, Options
from hyperpy.components.scheduler.plugin_args import MODELS
from hyperpy.components.scheduler.plugin_table import ABSENT, TABLE
from hyperpy.components.scheduler.pod_info import DEFAULT_SCHEDULER
from hyperpy.components.scheduler.profiles import ProfileSpec


class ConfigurationError(ValueError):
    """The file cannot be used; the message names it, the field, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the file says.

    Args:
        kubeconfig: how to reach the API server; "" when it does not say.
    """

    options: Options
    kubeconfig: str


def read(path: Path, *, elects: bool = True) -> Found:
    """The configuration in a file.

    Args:
        elects: whether a scheduler waits for its Lease when the file does not say.
    Raises:
        ConfigurationError: it cannot be read, or it asks for what there is not.
    """
    try:
        found = models.Configuration.model_validate(manifest.load(path.read_bytes()))
        return Found(_options(found, elects=elects), found.client_connection.kubeconfig)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_problem(error, '')}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _options(found: models.Configuration, *, elects: bool) -> Options:
    election = found.leader_election
    profiles = found.profiles or [models.Profile()]
    names = [_name(profile, alone=len(profiles) == 1) for profile in profiles]
    for index, name in enumerate(names):
        if not name:
            raise ValueError(f"profiles[{index}].schedulerName: each of several profiles needs one")
        if name in names[:index]:
            raise ValueError(f"profiles[{index}].schedulerName: there is a profile {name} already")
    return Options(
        profiles=tuple(
            _spec(profile, name, percentage=found.percentage_of_nodes_to_score, where=f"profiles[{index}]")
            for index, (profile, name) in enumerate(zip(profiles, names, strict=True))
        ),
        leader_election=LeaderElection(
            wait=elects if election.leader_elect is None else election.leader_elect,
            name=election.resource_name,
            namespace=election.resource_namespace,
            times=election.times(),
        ),
        backoff_s=found.pod_initial_backoff_seconds,
        max_backoff_s=found.pod_max_backoff_seconds,
    )


def _name(profile: models.Profile, *, alone: bool) -> str:
    return profile.scheduler_name or (DEFAULT_SCHEDULER if alone else "")


def _spec(profile: models.Profile, name: str, *, percentage: int, where: str) -> ProfileSpec:
    own = profile.percentage_of_nodes_to_score
    return ProfileSpec(
        scheduler_name=name,
        plugins={
            point: _plugin_set(found, f"{where}.plugins.{point}") for point, found in profile.plugins.sets().items()
        },
        args=_args(profile.plugin_config, f"{where}.pluginConfig"),
        score_percentage=percentage if own is None else own,
    )


def _plugin_set(found: models.PluginSetModel, where: str) -> PluginSet:
    for index, enabled in enumerate(found.enabled):
        _must_exist(enabled.name, f"{where}.enabled[{index}].name")
        if enabled.weight and not where.endswith((".score", f".{MULTI_POINT}")):
            raise ValueError(f"{where}.enabled[{index}].weight: only score and {MULTI_POINT} have weights")
    for index, disabled in enumerate(found.disabled):
        if disabled.name != ALL and disabled.name not in ABSENT:
            _must_exist(disabled.name, f"{where}.disabled[{index}].name")
    return PluginSet(
        tuple(Choice(each.name, each.weight) for each in found.enabled),
        frozenset(each.name for each in found.disabled),
    )


def _args(found: list[models.PluginConfig], where: str) -> dict[str, dict[str, Any]]:
    """Keywords for built-in plugins; for others what the file says, as it stands."""
    args: dict[str, dict[str, Any]] = {}
    for index, config in enumerate(found):
        at, name = f"{where}[{index}]", config.name
        _must_exist(name, f"{at}.name")
        if name in args:
            raise ValueError(f"{at}.name: {name} is configured twice")
        args[name] = config.args if name not in TABLE else _keywords(name, config.args, f"{at}.args")
    return args


def _keywords(name: str, args: dict[str, Any], where: str) -> dict[str, Any]:
    model = MODELS.get(name)
    if model is None:
        raise ValueError(f"{where}: {name} takes no arguments")
    if args.get("kind", f"{name}Args") != f"{name}Args":
        raise ValueError(f"{where}.kind: {name} takes {name}Args")
    try:
        return model.model_validate(args).keywords()
    except ValidationError as error:
        raise ValueError(_problem(error, where)) from error


def _must_exist(name: str, where: str) -> None:
    if name in TABLE or third_party.is_there(name):
        return
    if name in ABSENT:
        raise ValueError(f"{where}: hyperpy has no plugin {name}")
    raise ValueError(
        f'{where}: there is no plugin {name}, neither built in nor in an entry point "{third_party.GROUP}"'
    )


def _problem(error: ValidationError, where: str) -> str:
    """The first thing wrong, with the path of its field."""
    first = error.errors(include_url=False)[0]
    for part in first["loc"]:
        where += f"[{part}]" if isinstance(part, int) else f"{'.' if where else ''}{part}"
    said = {
        "extra_forbidden": "there is no such field",
        "missing": "must be given",
        "literal_error": f"{first['input']!r} is not supported; it may be {_expected(first)}",
        "too_long": "HTTP extenders are not supported; write a plugin",
    }.get(first["type"], str(first["msg"]).removeprefix("Value error, "))
    return f"{where or 'the document'}: {said}"


def _expected(problem: Any) -> str:
    return str(problem.get("ctx", {}).get("expected", "something else"))
