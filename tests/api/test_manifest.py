"""Documents: Kubernetes' YAML scalars, several documents, errors with lines, and output that reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import manifest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420), ("0o17", 15), ("0x1f", 31), ("-5", -5), ("1_000", 1000), ("12:30:45", "12:30:45"), ("yes", True),
        ("Off", False), ("true", True), ("'true'", "true"), ("1e3", 1000.0), ("1.5", 1.5), ("100m", "100m"),
        ("~", None),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"), ("2024-01-02", "2024-01-02"), ("1.2.3", "1.2.3"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_read_as_kubernetes_reads_them(text: str, value: object) -> None:
    assert manifest.load(f"a: {text}") == {"a": value}


def test_keys_become_strings() -> None:
    assert manifest.load("2: a\ntrue: b\n") == {"2": "a", "true": "b"}


def test_documents_are_split_and_empty_ones_left_out() -> None:
    assert manifest.load_all("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert manifest.load(b"") is None


def test_json_is_a_manifest_too() -> None:
    assert manifest.load_all(b' {"a": [1]}') == [{"a": [1]}]


def test_anchors_and_merge_keys_work() -> None:
    assert manifest.load("a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n")["b"] == {"p": 1, "q": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "line 1: mapping values are not allowed"),
        ("a: 1\nb: %x", "line 2"),
        ("a: 1\na: 2", "duplicate key"),
        ("a: 1\n---\nb: 2", "one document was expected"),
        ("? [1]\n: 2", "key"),
        ("a: &a [*a]", "contains itself"),
    ],
)
def test_a_broken_document_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(manifest.ManifestError, match=message):
        manifest.load(text)


def test_a_document_that_grows_by_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(manifest.ManifestError, match="excessive aliasing"):
        manifest.load("\n".join(lines))


def test_output_is_laid_out_as_kubectl_does() -> None:
    text = manifest.dump(
        {"kind": "X", "b": [{"name": "a", "v": "yes"}], "script": "a\nb\n", "t": "2024-01-02T00:00:00Z"}
    )
    assert text == 'b:\n- name: a\n  v: "yes"\nkind: X\nscript: |\n  a\n  b\nt: "2024-01-02T00:00:00Z"\n'


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), _JSON, max_size=4))
def test_what_is_written_reads_back_the_same(value: dict[str, object]) -> None:
    assert manifest.load(manifest.dump({"root": value})) == {"root": value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- " * 5000 + "a", id="lists"),
        pytest.param("[" * 5000 + "]" * 5000, id="flow lists"),
        pytest.param("{a: " * 5000 + "1" + "}" * 5000, id="flow objects"),
        pytest.param("\n".join(" " * depth + "a:" for depth in range(1000)), id="objects"),
    ],
)
def test_what_is_nested_too_deeply_is_refused_before_anything_recurses(text: str) -> None:
    with pytest.raises(manifest.ManifestError, match="exceeded max depth of 300"):
        manifest.load(text)


def test_many_brackets_that_are_not_nested_are_read() -> None:
    text = "script: |\n" + "  if [[ -n $a ]]; then b={}; fi\n" * 400
    assert manifest.load(text)["script"].count("[[") == 400
