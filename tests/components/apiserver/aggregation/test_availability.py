"""What the Service behind an APIService tells, as a condition."""

import pytest

from hyperpy.components.apiserver.aggregation import availability
from hyperpy.components.apiserver.aggregation.availability import PASSED, Verdict

REFERENCE = {"namespace": "ns", "name": "svc", "port": 443}


def service(*ports, **spec):
    return {"spec": {"ports": list(ports), **spec}}


def piece(*ready, port="https", number=8443):
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {} if each is None else {"ready": each}} for each in ready]
    return {"ports": [{"name": port, "port": number}], "endpoints": endpoints}


HTTPS = {"name": "https", "port": 443}


@pytest.mark.parametrize(
    ("found", "slices", "reason"),
    [
        (None, [], "ServiceNotFound"),
        (service({"port": 80}), [piece(True)], "ServicePortError"),
        (service(HTTPS), [], "EndpointsNotFound"),
        (service(HTTPS), [piece(False)], "MissingEndpoints"),
        (service(HTTPS), [piece(True, port="other")], "MissingEndpoints"),
        (service(HTTPS), [piece(True, number=None)], "MissingEndpoints"),
        (service(HTTPS), [piece(False), piece(None)], None),
        (service(HTTPS), [piece(True)], None),
        (service({"port": 443}), [piece(True, port="")], None),
        (service(type="ExternalName"), [], None),
    ],
)
def test_verdicts(found, slices, reason):
    verdict = availability.of_service(REFERENCE, found, slices)
    assert (verdict and verdict.reason) == reason
    if verdict:
        assert verdict.status == "False" and 'service/svc in "ns"' in verdict.message


def test_a_status_is_written_when_it_says_something_new_only():
    first = availability.status({"spec": {}}, PASSED, now="t1")
    (condition,) = first["status"]["conditions"]
    assert condition == {
        "type": "Available",
        "status": "True",
        "reason": "Passed",
        "message": "all checks passed",
        "lastTransitionTime": "t1",
    }
    assert availability.status(first, PASSED, now="t2") is None
    second = availability.status(first, Verdict("False", "X", "y"), now="t2")
    third = availability.status(second, Verdict("False", "Z", "y"), now="t3")
    assert third["status"]["conditions"][0]["lastTransitionTime"] == "t2"
