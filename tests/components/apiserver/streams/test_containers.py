"""The choice of a container, and the options of logs, exec and attach."""

import pytest

from hyperpy.api import errors
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.streams import containers


def pod(*names, init=(), default=None):
    meta = {"name": "web"}
    if default:
        meta["annotations"] = {"kubectl.kubernetes.io/default-container": default}
    return {
        "metadata": meta,
        "spec": {
            "containers": [{"name": name} for name in names],
            "initContainers": [{"name": name} for name in init],
        },
    }


def request(**query):
    return Request("GET", "/", {name: (value,) if isinstance(value, str) else value for name, value in query.items()})


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        pytest.param(pod("a"), "", "a", id="the only one"),
        pytest.param(pod("a", "b", default="b"), "", "b", id="the annotated one"),
        pytest.param(pod("a", "b"), "b", "b", id="the named one"),
        pytest.param(pod("a", init=["i"]), "i", "i", id="an init container"),
        pytest.param(pod("a", default="gone"), "", "a", id="an annotation that names none"),
    ],
)
def test_choose(given, name, expected):
    assert containers.choose(given, name) == expected


@pytest.mark.parametrize(
    ("given", "name", "text"),
    [
        (pod("a"), "x", "container x is not valid for pod web"),
        (pod("a", "b"), "", "a container name must be specified for pod web, choose one of: [a b]"),
        (
            pod("a", "b", init=["i"]),
            "",
            "a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]",
        ),
    ],
)
def test_a_choice_that_cannot_be_made_is_told_in_kubernetes_words(given, name, text):
    with pytest.raises(errors.BadRequest) as refused:
        containers.choose(given, name)
    assert str(refused.value) == text


def test_log_options_go_on_as_they_are():
    asked = request(follow="1", tailLines="0", sinceSeconds="5", timestamps="false", container="a", limitBytes="9")
    assert containers.log_query(asked) == [
        ("follow", "true"),
        ("sinceSeconds", "5"),
        ("tailLines", "0"),
        ("limitBytes", "9"),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tailLines": "-1"}, "tailLines"),
        ({"sinceSeconds": "0"}, "sinceSeconds"),
        ({"limitBytes": "0"}, "limitBytes"),
        ({"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"}, "sinceSeconds"),
    ],
)
def test_log_options_out_of_range_are_refused(query, field):
    with pytest.raises(errors.Invalid) as refused:
        containers.log_query(request(**query))
    assert [cause["field"] for cause in refused.value.details["causes"]] == [field]


def test_a_log_option_that_is_no_number_is_refused():
    with pytest.raises(errors.BadRequest, match='tailLines: "many" is not a number'):
        containers.log_query(request(tailLines="many"))


def test_exec_options_get_the_kubelet_s_names():
    asked = request(command=("sh", "-c", "ls"), stdin="true", stdout="1", stderr="false", tty="true")
    assert containers.exec_query(asked, command=True) == [
        ("command", "sh"),
        ("command", "-c"),
        ("command", "ls"),
        ("input", "1"),
        ("output", "1"),
        ("tty", "1"),
    ]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"stdout": "1"}, "you must specify at least one command for the container"),
        ({"command": "ls", "tty": "1"}, "you must specify at least 1 of stdin, stdout, stderr"),
    ],
)
def test_an_exec_without_a_command_or_a_stream_is_refused(query, text):
    with pytest.raises(errors.BadRequest, match=text):
        containers.exec_query(request(**query), command=True)


def test_a_pod_without_a_node_cannot_be_entered():
    with pytest.raises(errors.BadRequest, match="pod web does not have a host assigned"):
        containers.node_of(pod("a"))
