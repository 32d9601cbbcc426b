"""The error that causes become."""

from hyperpy.api import kinds, validation
from hyperpy.api.schema import cause


def test_one_cause_stands_alone_and_several_in_brackets() -> None:
    first = cause.required("spec.containers")
    second = cause.invalid("metadata.name", "A", "no")
    assert validation.invalid(kinds.POD, "x", [first]).message == 'Pod "x" is invalid: spec.containers: Required value'
    error = validation.invalid(kinds.DEPLOYMENT, "x", [first, second, first])
    assert error.message == (
        'Deployment.apps "x" is invalid: [spec.containers: Required value, metadata.name: Invalid value: "A": no]'
    )
    assert error.status()["details"] == {
        "name": "x",
        "group": "apps",
        "kind": "Deployment",
        "causes": [first.detail(), second.detail(), first.detail()],
    }
    assert error.status()["reason"] == "Invalid"


def test_a_cause_shows_values_as_json() -> None:
    assert cause.invalid("a", {"b": [1, True, None]}, "c").message == 'Invalid value: {"b":[1,true,null]}: c'
    assert cause.not_supported("a", "x", ("b", "a")).message == 'Unsupported value: "x": supported values: "b", "a"'
    assert cause.not_supported("a", "x", {"b", "a"}).message == 'Unsupported value: "x": supported values: "a", "b"'
    assert cause.too_long("a", 3).message == "Too long: may not be more than 3 bytes"
    assert cause.too_many("a", 4, 3).message == "Too many: 4: must have at most 3 items"
    assert cause.forbidden("a", "b").message == "Forbidden: b"
