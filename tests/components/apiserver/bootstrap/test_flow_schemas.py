"""The flow schemas and priority levels that users expect to see."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds, validation
from hyperpy.components.apiserver.bootstrap import flow_schemas

FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


async def test_the_defaults_are_there_and_good(cluster):
    for kind, count in ((kinds.FLOW_SCHEMA, 13), (kinds.PRIORITY_LEVEL_CONFIGURATION, 8)):
        found = (await cluster.client.list(kind)).items
        assert len(found) == count
        for obj in found:
            assert validation.on_create(kind, obj) == []
            assert obj["metadata"]["generation"] == 1


async def test_their_rows_show_that_no_level_is_missing(cluster):
    table = await cluster.json("GET", f"{FLOW}/flowschemas/probes", accept=TABLE)
    assert table["rows"][0]["cells"][:4] == ["probes", "exempt", 2, "<none>"]
    assert table["rows"][0]["cells"][-1] == "False"


async def test_mandatory_ones_cannot_be_changed(cluster):
    path = f"{FLOW}/flowschemas/catch-all"
    found = await cluster.json("GET", path)
    found["spec"]["matchingPrecedence"] = 9999
    with pytest.raises(errors.Invalid, match="spec of 'catch-all' must equal the fixed value"):
        await cluster.json("PUT", path, found)


@pytest.mark.parametrize(("kept", "after"), [("true", 900), ("false", 901)], ids=["auto", "taken over"])
async def test_suggested_ones_are_put_right_unless_their_owner_says_no(cluster, kept, after):
    path = f"{FLOW}/flowschemas/kube-system-service-accounts"
    found = await cluster.json("GET", path)
    found["spec"]["matchingPrecedence"] = 901
    found["metadata"]["annotations"]["apf.kubernetes.io/autoupdate-spec"] = kept
    await cluster.json("PUT", path, found)
    await flow_schemas.ensure_all(cluster.handler.core)
    assert (await cluster.json("GET", path))["spec"]["matchingPrecedence"] == after
