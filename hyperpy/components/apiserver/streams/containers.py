"""Which container of a Pod a log, exec or attach request means, and what their options may be. Pure.

Source: Kubernetes' pod registry (`validateContainer`, `ValidatePodLogOptions`) for the rules and texts.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors
from hyperpy.api.wire import Request

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

#: Options of `pods/log` that go to the kubelet as they are.
_LOG_OPTIONS = ("follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream")
_LOG_FLAGS = ("follow", "previous", "timestamps")
#: Options of exec and attach, and their names at the kubelet.
_STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}


def choose(pod: dict[str, Any], name: str) -> str:
    """The container that is meant: the one named, else the annotated default, else the only one.

    Raises:
        BadRequest: there is no such container, or none can be chosen.
    """
    pod_name = pod["metadata"]["name"]
    names = _names(pod, "containers")
    others = _names(pod, "initContainers")
    everyone = (*names, *others, *_names(pod, "ephemeralContainers"))
    if name:
        if name not in everyone:
            raise errors.BadRequest(f"container {name} is not valid for pod {pod_name}")
        return name
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if default in everyone:
        return str(default)
    if len(names) == 1:
        return names[0]
    text = f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(names)}]"
    if others:
        text += f" or one of the init containers: [{' '.join(others)}]"
    raise errors.BadRequest(text)


def log_query(request: Request) -> list[tuple[str, str]]:
    """The kubelet's query for a log request.

    Raises:
        Invalid: an option is out of range or two exclude each other.
        BadRequest: an option does not parse.
    """
    query: list[tuple[str, str]] = []
    causes: list[tuple[str, str]] = []
    for option in _LOG_OPTIONS:
        if option not in request.query:
            continue
        value = request.param(option)
        if option in _LOG_FLAGS:
            if not request.flag(option):
                continue
            value = "true"
        elif option in ("sinceSeconds", "tailLines", "limitBytes"):
            least = 0 if option == "tailLines" else 1
            if _integer(option, value) < least:
                causes.append((option, f"Invalid value: {value}: must be greater than {least - 1}"))
        query.append((option, value))
    if "sinceSeconds" in request.query and "sinceTime" in request.query:
        causes.append(("sinceSeconds", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"))
    if causes:
        raise _invalid(causes)
    return query


def exec_query(request: Request, *, command: bool) -> list[tuple[str, str]]:
    """The kubelet's query for an exec (with a command) or attach request.

    Raises:
        BadRequest: no command where one is needed, or no stream at all.
    """
    query = [("command", word) for word in request.query.get("command", ())] if command else []
    if command and not query:
        raise errors.BadRequest("you must specify at least one command for the container")
    flags = [(theirs, "1") for ours, theirs in _STREAMS.items() if request.flag(ours)]
    if not any(flag in ("input", "output", "error") for flag, _ in flags):
        raise errors.BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return query + flags


def node_of(pod: dict[str, Any]) -> str:
    """The node a pod runs on. Raises BadRequest when it has none yet."""
    node = (pod.get("spec") or {}).get("nodeName")
    if not node:
        raise errors.BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
    return str(node)


def _names(pod: dict[str, Any], field: str) -> list[str]:
    return [container["name"] for container in (pod.get("spec") or {}).get(field) or ()]


def _integer(option: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise errors.BadRequest(f'{option}: "{value}" is not a number') from None


def _invalid(causes: list[tuple[str, str]]) -> errors.Invalid:
    texts = [f"{field}: {text}" for field, text in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return errors.Invalid(
        f'PodLogOptions "" is invalid: {joined}',
        details={
            "kind": "PodLogOptions",
            "causes": [{"reason": "FieldValueInvalid", "message": text, "field": field} for field, text in causes],
        },
    )
