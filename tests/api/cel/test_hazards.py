"""Optional values do not get into maps, which the runtime does not survive."""

from __future__ import annotations

import pytest

from hyperpy.api import cel
from hyperpy.api.cel import types
from hyperpy.api.cel.hazards import mixes_maps_and_optionals


@pytest.mark.parametrize(
    ("expression", "mixed"),
    [
        ("{'a': optional.of(1)}", True),
        ("[1].map(x, {x: self.?a})", True),
        ("{ 'a' : self[?'b'] }", True),
        ("{?'a': self.?b}", True),
        ("{'a': [1].first()}", True),
        ("cel.bind(x, optional.none(), {'a': x})", True),
        ("""r'\\' + {'a': optional.of(1)}['a'] + ' '""", True),
        ("{'a': 1}", False),
        ("self.?labels.orValue({})", False),
        ("self.?labels.orValue({ })", False),
        ("self.?a.orValue('{x}')", False),
        ('self.?a.orValue("\\"{x}")', False),
        ("self.?a.orValue('''{'x'}''')", False),
        ("self.?a.orValue(r'{\\')", False),
        ("{'a': '.?'}['a'] == b'optional'", False),
        ("{'a': 1}.size() == 1 // see self.?a", False),
        ("{'a': old}", True),
    ],
)
def test_mixture_is_seen(expression: str, mixed: bool):
    assert mixes_maps_and_optionals(expression, optional=("old",)) is mixed


HOSTILE = [
    "{1: optional.of(1)}",
    "[{1: optional.none()}]",
    "dyn({'a': optional.of(1)}).isLessThan(quantity('1'))",
    "dyn([{'a': self.?b}]).isSorted()",
    "[1].transformMapEntry(k, v, {k: optional.of(v)})",
]


@pytest.mark.parametrize("expression", HOSTILE)
def test_what_would_crash_is_refused(expression: str):
    env = cel.environment({"self": types.DYN})
    with pytest.raises(cel.CelError, match="a map with entries and optional values"):
        env.compile(expression)


SURVIVED = [
    "[1].transformMap(k, v, optional.of(v))",
    "[optional.of(1)]",
    "dyn([optional.of(1)]).isSorted()",
    "[dyn(1), optional.of(1)].indexOf(1)",
    "dyn(optional.of('a')).find('a')",
    "{self: 1}",
]


@pytest.mark.parametrize("expression", SURVIVED)
def test_what_makes_no_sense_is_only_an_error(expression: str):
    env = cel.environment({"self": types.of_schema({"type": "object", "properties": {}}) or types.DYN})
    with pytest.raises(cel.CelError):
        env.compile(expression).evaluate({"self": {}})
