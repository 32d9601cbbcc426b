"""Aggregated ClusterRoles hold the rules of the roles that their selectors name."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.components.controllers.policy.clusterroleaggregation import plan

from ..faults import FAULTS, survive


def rule(resource: str) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [resource], "verbs": ["get"]}


def role(name: str, *rules: Any, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}


def aggregated(name: str, *selectors: dict[str, str], rules: Any = ()) -> dict[str, Any]:
    rule = {"clusterRoleSelectors": [{"matchLabels": selector} for selector in selectors]}
    return {"metadata": {"name": name, "labels": {"x": "1"}}, "aggregationRule": rule, "rules": list(rules)}


PODS, NODES, SECRETS = rule("pods"), rule("nodes"), rule("secrets")


@pytest.mark.parametrize(
    ("given", "others", "expected"),
    [
        pytest.param(role("a", PODS), [role("b", NODES)], None, id="no aggregation"),
        pytest.param(aggregated("a", {"x": "1"}), [role("b", PODS), role("c", NODES, x="1")], [NODES], id="by label"),
        pytest.param(
            aggregated("a", {"x": "1"}, {"y": "1"}),
            [role("d", SECRETS, PODS, y="1"), role("c", NODES, x="1"), role("b", PODS, x="1")],
            [PODS, NODES, SECRETS],
            id="each once, by selector and name",
        ),
        pytest.param(aggregated("a", {"x": "1"}, rules=[PODS]), [role("b", PODS, x="1")], None, id="as it is"),
        pytest.param(aggregated("a", {"x": "1"}, rules=[PODS]), [], [], id="nothing is left"),
        pytest.param(aggregated("a", {"x": "1"}), [aggregated("a", {"x": "1"}, rules=[PODS])], None, id="not its own"),
    ],
)
def test_the_rules_of_a_role(given: Any, others: Any, expected: Any) -> None:
    assert plan(given, others) == expected


class Growing:
    """An aggregated role of an aggregated role follows what it is made of."""

    controllers = ("clusterrole-aggregation",)
    kinds = (kinds.CLUSTER_ROLE,)

    async def act(self, world: Any) -> None:
        await world.client.create(
            kinds.CLUSTER_ROLE, {**aggregated("whole", {"x": "1"}), "metadata": {"name": "whole"}}
        )
        await world.client.create(kinds.CLUSTER_ROLE, aggregated("half", {"y": "1"}))
        await world.client.create(kinds.CLUSTER_ROLE, role("one", PODS, y="1"))
        await world.client.create(kinds.CLUSTER_ROLE, role("two", NODES, x="1"))

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.CLUSTER_ROLE, "whole")
        return found.get("rules") == [PODS, NODES]

    async def check(self, world: Any) -> None:
        assert await self.settled(world)


@pytest.mark.parametrize("fault", FAULTS)
async def test_roles_follow_what_they_are_made_of(fault: str) -> None:
    await survive(Growing(), fault)


async def test_admin_edit_and_view_are_made_of_their_parts(world: Any) -> None:
    await world.start("clusterrole-aggregation")

    async def filled() -> bool:
        roles = [await world.client.get(kinds.CLUSTER_ROLE, name) for name in ("admin", "edit", "view")]
        return all(each.get("rules") for each in roles)

    await world.until(filled)
