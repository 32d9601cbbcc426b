"""The parts of ctl that need no server: flags, tables, failures, names, ports, durations, pages."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.commands import UserError
from hyperpy.ctl import expose, failures, flags, label, logs, run, tables, verb
from hyperpy.ctl.describe.page import Page
from hyperpy.ctl.describe.plain import title
from hyperpy.ctl.describe.podspec import probe, toleration
from hyperpy.ctl.resources import Resources, Target
from hyperpy.ctl.tables import TableStyle


@pytest.mark.parametrize(
    ("args", "found", "rest", "trailing"),
    [
        (["get", "pods", "-n", "x"], {"namespace": "x"}, ("get", "pods"), None),
        (["-n", "x", "get", "pods"], {"namespace": "x"}, ("get", "pods"), None),
        (["get", "-nx", "--context=c", "pods"], {"namespace": "x", "context": "c"}, ("get", "pods"), None),
        (["-s=http://h", "get"], {"server": "http://h"}, ("get",), None),
        (["exec", "p", "--", "sh", "-n", "x"], {}, ("exec", "p"), ("sh", "-n", "x")),
        (["run", "p", "--"], {}, ("run", "p"), ()),
        (["get", "--no-headers"], {}, ("get", "--no-headers"), None),
    ],
)
def test_global_flags_stand_anywhere_before_the_dashes(
    args: list[str], found: dict[str, str], rest: tuple[str, ...], trailing: tuple[str, ...] | None
) -> None:
    line = flags.sort_out(args)
    assert (line.flags, line.rest, line.trailing) == (flags.GlobalFlags(**found), rest, trailing)


def test_a_global_flag_without_its_value_is_refused() -> None:
    with pytest.raises(UserError, match="flag needs an argument: -n"):
        flags.sort_out(["get", "-n"])


def test_gos_spellings_are_understood() -> None:
    known = {"--wait": "--no-wait", "--all": None}
    assert verb.from_go(["--wait=false", "--all=true", "-o=json", "--x=y", "a=b"], known) == [
        "--no-wait", "--all", "-ojson", "--x=y", "a=b",
    ]  # fmt: skip
    assert verb.from_go(["--all=false"], known) == []
    with pytest.raises(UserError, match='invalid argument "maybe" for "--wait" flag'):
        verb.from_go(["--wait=maybe"], known)


TABLE: dict[str, Any] = {
    "columnDefinitions": [
        {"name": "Name", "type": "string", "format": "name", "priority": 0},
        {"name": "Ready", "type": "string", "priority": 0},
        {"name": "IP", "type": "string", "priority": 1},
    ],
    "rows": [
        {"cells": ["web", "1/1", None], "object": {"metadata": {"namespace": "d", "labels": {"b": "2", "a": "1"}}}},
        {"cells": ["a-long-name", True, "10.0.0.1"], "object": {"metadata": {"namespace": "d"}}},
    ],
}


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (TableStyle(), "NAME          READY\nweb           1/1\na-long-name   true\n"),
        (
            TableStyle(wide=True, headers=False, prefix="pod/"),
            "pod/web           1/1    <none>\npod/a-long-name   true   10.0.0.1\n",
        ),
        (
            TableStyle(namespaces=True, labels=True),
            "NAMESPACE   NAME          READY   LABELS\n"
            "d           web           1/1     a=1,b=2\n"
            "d           a-long-name   true    <none>\n",
        ),
    ],
)
def test_a_table_is_laid_out_as_kubectl_does(style: TableStyle, text: str) -> None:
    assert tables.align(tables.lines_of(TABLE, style)) == text


def test_later_lines_of_a_watch_stand_under_the_first() -> None:
    widths: list[int] = []
    first = tables.align(tables.lines_of(TABLE, TableStyle()), widths=widths)
    later = {"rows": [{"cells": ["x", "0/1", ""], "object": {}}]}
    lines = tables.lines_of(later, TableStyle(headers=False), columns=TABLE["columnDefinitions"])
    assert tables.align(lines, widths=widths).index("0/1") == first.index("READY")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.not_found("", "pods", "x"), 'Error from server (NotFound): pods "x" not found'),
        (errors.Forbidden("no"), "Error from server (Forbidden): no"),
        (errors.Unauthorized("Unauthorized"), "error: You must be logged in to the server (Unauthorized)"),
        (
            errors.Invalid(
                "m", details={"kind": "Pod", "name": "x", "causes": [{"field": "spec", "message": "Required"}]}
            ),
            'The Pod "x" is invalid: spec: Required',
        ),
        (
            errors.Invalid("m", details={"kind": "Pod", "name": "x", "causes": [{"message": "a"}, {"message": "b"}]}),
            'The Pod "x" is invalid: \n* a\n* b',
        ),
        (errors.Invalid("m", details={"name": "x"}), "The request is invalid: m"),
    ],
)
def test_a_failure_reads_as_kubectls(error: errors.StatusError, line: str) -> None:
    assert failures.line(error) == line


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["po"], [Target(kinds.POD)]),
        (["pods,svc"], [Target(kinds.POD), Target(kinds.SERVICE)]),
        (["Pod", "a", "b"], [Target(kinds.POD, "a"), Target(kinds.POD, "b")]),
        (["pod/a", "deploy/b"], [Target(kinds.POD, "a"), Target(kinds.DEPLOYMENT, "b")]),
        (["deployments.apps"], [Target(kinds.DEPLOYMENT)]),
        (["deployments.v1.apps"], [Target(kinds.DEPLOYMENT)]),
        (["all"], [Target(kind) for kind in kinds.BUILT_IN if "all" in kind.categories]),
    ],
)
def test_words_mean_objects(words: list[str], found: list[Target]) -> None:
    assert Resources(lambda: pytest.fail("the server was asked")).targets(words) == found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Required resource not specified"),
        (["pods", "svc/x"], "there is no need to specify a resource type"),
        (["pods/"], "must have a single resource and name"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Resources(lambda: pytest.fail("the server was asked")).targets(words)


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("2m", 120), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400)])
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert logs.seconds(text) == seconds


@pytest.mark.parametrize("text", ["5", "s", "5x", "5s6"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="must be a duration"):
        logs.seconds(text)


@pytest.mark.parametrize(
    ("text", "name"), [("nginx", "nginx"), ("a.b/c/nginx:1.2", "nginx"), ("x@sha256:12", "x"), ("h:5000/y:2", "y")]
)
def test_an_image_makes_a_pods_name(text: str, name: str) -> None:
    assert run.pod_name(text) == name


def test_label_changes_are_told_from_resources() -> None:
    assert label.split(["pod", "web", "a=1", "b-"]) == (["pod", "web"], {"a": "1", "b": None})
    for words, message in ((["pod", "a=1", "web"], "before label changes"), (["pod", "a=1", "a-"], "twice"),
                           (["pod", "a=-"], "invalid label")):  # fmt: skip
        with pytest.raises(UserError, match=message):
            label.split(words)


POD = {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"ports": [{"containerPort": 80}]}]}}


def test_ports_and_selectors_are_found_in_what_is_exposed() -> None:
    ports = expose.service_ports(kinds.POD, POD, port=0, target_port="", protocol="")
    assert ports == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    ports = expose.service_ports(kinds.POD, POD, port=8080, target_port="http", protocol="UDP")
    assert ports == [{"port": 8080, "protocol": "UDP", "targetPort": "http"}]
    assert expose.selector_of(kinds.POD, POD) == {"a": "1"}
    assert expose.selector_of(kinds.DEPLOYMENT, {"spec": {"selector": {"matchLabels": {"b": "2"}}}}) == {"b": "2"}
    with pytest.raises(UserError, match="couldn't find port"):
        expose.service_ports(kinds.POD, {"spec": {}}, port=0, target_port="", protocol="")
    with pytest.raises(UserError, match="cannot expose a ConfigMap"):
        expose.selector_of(kinds.CONFIG_MAP, {"metadata": {}})
    with pytest.raises(UserError, match="match expressions"):
        expose.selector_of(kinds.DEPLOYMENT, {"spec": {"selector": {"matchExpressions": [{}]}}})


def test_a_page_aligns_neighbours_only() -> None:
    page = Page()
    page.field("Name", "web")
    page.mapping("Labels", {"b": "2", "a": "1"})
    page.heading("Events:")
    page.table(["Type", "Reason"], [["Normal", "Started"]])
    assert page.text() == (
        "Name:    web\nLabels:  a=1\n         b=2\nEvents:\n  Type    Reason\n  ----    ------\n  Normal  Started\n"
    )


def test_field_names_are_put_in_words() -> None:
    assert title("leaseDurationSeconds") == "Lease Duration Seconds"
    assert title("podCIDR") == "Pod CIDR"
    assert title("tls.crt") == "tls.crt"


def test_probes_and_tolerations_fit_in_a_line() -> None:
    assert probe({"httpGet": {"port": 80, "path": "/x"}, "periodSeconds": 5}) == (
        "http-get http://:80/x delay=0s timeout=1s period=5s #success=1 #failure=3"
    )
    assert probe({"tcpSocket": {"port": 80}}).startswith("tcp-socket :80 delay=0s")
    assert (
        toleration({"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 3}) == "a=b:NoExecute for 3s"
    )
    assert toleration({"operator": "Exists"}) == "op=Exists"
