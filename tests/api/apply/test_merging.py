"""Configurations over live objects: values, orders of lists, and taking fields out."""

from __future__ import annotations

import pytest
from api.apply.shapes import shape

from hyperpy.api.apply import merging

SHAPE = shape()


def _merged(live, config):
    return merging.merged({"spec": live}, {"spec": config}, SHAPE)["spec"]


@pytest.mark.parametrize(
    ("live", "config", "result"),
    [
        pytest.param({"count": 1, "on": True}, {"count": 2}, {"count": 2, "on": True}, id="fields are merged"),
        pytest.param(
            {"selector": {"a": "1"}}, {"selector": {"b": "1"}}, {"selector": {"b": "1"}}, id="an atomic map is replaced"
        ),
        pytest.param({"words": ["a"]}, {"words": ["b"]}, {"words": ["b"]}, id="an atomic list is replaced"),
        pytest.param(
            {"any": {"a": {"b": 1}}},
            {"any": {"a": {"c": 2}}},
            {"any": {"a": {"b": 1, "c": 2}}},
            id="what is not described is merged",
        ),
        pytest.param({"any": {"a": {"b": 1}}}, {"any": {"a": 3}}, {"any": {"a": 3}}, id="a scalar replaces a map"),
        pytest.param({"any": {"a": 1}}, {"any": None}, {"any": {"a": 1}}, id="null takes nothing from a map"),
        pytest.param({"count": 1}, {"count": None}, {"count": None}, id="null replaces a scalar"),
    ],
)
def test_a_configuration_is_laid_over(live, config, result):
    assert _merged(live, config) == result


@pytest.mark.parametrize(
    ("live", "config", "result"),
    [
        pytest.param("ab", "", "ab", id="nothing applied"),
        pytest.param("ab", "c", "abc", id="new items go behind"),
        pytest.param("ab", "ba", "ba", id="the applied order counts"),
        pytest.param("xay", "na", "xnay", id="others stand where they stood, before new ones"),
        pytest.param("axby", "ba", "xbya", id="out of order"),
        pytest.param("axbycz", "abc", "axbycz", id="others stay between"),
        pytest.param("", "ba", "ba", id="nothing there"),
    ],
)
def test_items_of_both_keep_their_order(live, config, result):
    assert "".join(_merged({"set": list(live)}, {"set": list(config)})["set"]) == result


def test_items_are_merged_by_their_keys_with_defaults():
    live = [{"name": "a", "protocol": "TCP", "value": "1", "inner": {"a": "1"}}, {"name": "a", "protocol": "UDP"}]
    config = [{"name": "a", "inner": {"b": "2"}}]
    assert _merged({"items": live}, {"items": config})["items"] == [
        {"name": "a", "protocol": "TCP", "value": "1", "inner": {"a": "1", "b": "2"}},
        {"name": "a", "protocol": "UDP"},
    ]


def test_duplicates_of_an_applied_item_give_way_to_it():
    live = [{"name": "a", "value": "1"}, {"name": "b"}, {"name": "a", "value": "2"}]
    assert _merged({"items": live}, {"items": [{"name": "a", "value": "3"}]})["items"] == [
        {"name": "a", "value": "3"},
        {"name": "b"},
    ]


@pytest.mark.parametrize(
    ("spec", "fields", "result"),
    [
        pytest.param({"count": 1, "on": True}, {"f:count": {}}, {"on": True}, id="a field"),
        pytest.param({"count": 1}, {"f:count": {}}, None, id="the last field"),
        pytest.param({"set": ["a", "b"]}, {"f:set": {'v:"a"': {}}}, {"set": ["b"]}, id="an item of a set"),
        pytest.param(
            {"items": [{"name": "a", "value": "1"}]},
            {"f:items": {'k:{"name":"a","protocol":"TCP"}': {"f:value": {}}}},
            {"items": [{"name": "a"}]},
            id="a field of an item",
        ),
        pytest.param(
            {"items": [{"name": "a"}]},
            {"f:items": {'k:{"name":"a","protocol":"TCP"}': {}}},
            {"items": None},
            id="the last item",
        ),
    ],
)
def test_fields_are_taken_out(spec, fields, result):
    assert merging.removed({"spec": spec}, {"f:spec": fields}, SHAPE) == {"spec": result}
