"""APIServices: rules, defaults and rows."""

import pytest

from hyperpy.api import defaults, kinds, printers, validation

KIND = kinds.API_SERVICE
SERVICE = {"namespace": "n", "name": "s", "port": 443}


def api_service(name="v1.acme.example", **spec):
    base = {"group": "acme.example", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15}
    return {"metadata": {"name": name}, "spec": {**base, **spec}}


def causes(obj):
    return [str(cause) for cause in validation.on_create(KIND, obj)]


@pytest.mark.parametrize(
    "obj",
    [
        api_service(),
        api_service(service=SERVICE, caBundle="eA=="),
        api_service(service=SERVICE, insecureSkipTLSVerify=True),
        api_service("v1.", group=""),
    ],
    ids=["local", "bundle", "unchecked", "core"],
)
def test_right_ones(obj):
    assert causes(obj) == []


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            api_service("other"),
            'metadata.name: Invalid value: "other": must be `spec.version+"."+spec.group`: "v1.acme.example"',
        ),
        (
            api_service("v2.", group="", version="v2"),
            "spec.group: Required value: only v1 may have an empty group and it better be legacy kube",
        ),
        (api_service("v1.A", group="A"), 'spec.group: Invalid value: "A": a lowercase RFC 1123 subdomain'),
        (api_service("1.acme.example", version="1"), 'spec.version: Invalid value: "1": a DNS-1035 label'),
        (
            api_service(groupPriorityMinimum=20001),
            "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000",
        ),
        (api_service(versionPriority=0), "spec.versionPriority: Invalid value: 0: must be positive and less than 1000"),
        (
            api_service(caBundle="AAAA"),
            'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        ),
        (
            api_service(insecureSkipTLSVerify=True),
            "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
        ),
        (api_service(service={"name": "s"}), "spec.service.namespace: Required value"),
        (api_service(service={"namespace": "n"}), "spec.service.name: Required value"),
        (
            api_service(service=SERVICE, insecureSkipTLSVerify=True, caBundle="AAAA"),
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
        ),
    ],
)
def test_wrong_ones(obj, expected):
    (found,) = causes(obj)
    assert found.startswith(expected)


def test_a_status_has_known_conditions():
    new = {**api_service(), "status": {"conditions": [{"type": "Available", "status": "Maybe"}]}}
    (found,) = validation.on_status_update(KIND, new, api_service())
    assert str(found) == (
        'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"'
    )


def test_the_port_is_443():
    obj = api_service(service={"namespace": "n", "name": "s"})
    defaults.apply(KIND, obj)
    assert obj["spec"]["service"]["port"] == 443


@pytest.mark.parametrize(
    ("service", "conditions", "cells"),
    [
        (None, [{"type": "Available", "status": "True", "reason": "Local"}], ["Local", "True"]),
        (SERVICE, [{"type": "Available", "status": "False", "reason": "X"}], ["n/s", "False (X)"]),
        (SERVICE, [{"type": "Available", "status": "Unknown"}], ["n/s", "Unknown"]),
        (SERVICE, [], ["n/s", "Unknown"]),
    ],
)
def test_rows(service, conditions, cells):
    obj = {**api_service(), "status": {"conditions": conditions}}
    if service:
        obj["spec"]["service"] = service
    table = printers.table(KIND, [obj], now=0)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Service", "Available", "Age"]
    assert table["rows"][0]["cells"][1:3] == cells
