"""Label selectors as Kubernetes' events spell them: in the manner of the Go program that wrote those first. Pure."""

from __future__ import annotations

from hyperpy.client.protocol import Obj


def spelled(selector: Obj | None) -> str:
    """`&LabelSelector{MatchLabels:map[string]string{app: web,},…}`; `nil` where there is none."""
    if selector is None:
        return "nil"
    pairs = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(_expression(each) for each in selector.get("matchExpressions") or ())
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _expression(each: Obj) -> str:
    values = " ".join(each.get("values") or ())
    return f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},Values:[{values}],}},"
