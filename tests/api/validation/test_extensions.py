"""CustomResourceDefinitions: what they may say, in the API server's words."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import defaults, kinds, validation

Obj = dict[str, Any]
KIND = kinds.CUSTOM_RESOURCE_DEFINITION
ROOT = "spec.validation.openAPIV3Schema"
SPEC = f"{ROOT}.properties[spec]"
APPROVAL = 'protected groups must have approval annotation "api-approved.kubernetes.io"'
KEP = "see https://github.com/kubernetes/enhancements/pull/1111"


def definition(schema: Obj | None = None, *, version: Obj | None = None, **spec: Any) -> Obj:
    """A good definition but for what is given."""
    whole = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"} if schema is None else schema}, **(version or {}),
    }  # fmt: skip
    names = {"plural": "things", "kind": "Thing"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [whole], **spec},
        "status": {"storedVersions": ["v1"]},
    }


def said(crd: Obj, old: Obj | None = None) -> list[str]:
    """The messages about a definition with its defaults."""
    defaults.apply(KIND, crd)
    if old is None:
        return [str(cause) for cause in validation.on_create(KIND, crd)]
    defaults.apply(KIND, old)
    return [str(cause) for cause in validation.on_update(KIND, crd, old)]


def of_spec(field: Obj) -> Obj:
    """A schema with this one for the spec."""
    return {"type": "object", "properties": {"spec": field}}


def test_a_good_definition_passes_with_its_defaults() -> None:
    crd = definition()
    assert said(crd) == []
    assert crd["spec"]["names"] == {"plural": "things", "kind": "Thing", "singular": "thing", "listKind": "ThingList"}
    assert crd["spec"]["conversion"] == {"strategy": "None"}


UNCHANGED = [{"rule": "self == oldSelf"}]
ITEMS = {"type": "object", "properties": {"k": {"type": "string"}}}
MAP = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
THIS = "this property is in x-kubernetes-list-map-keys, so it"

SCHEMAS = [
    (of_spec({}), f"{SPEC}.type: Required value: must not be empty for specified object fields"),
    ({"properties": {}}, f"{ROOT}.type: Required value: must not be empty at the root"),
    ({"type": "string"}, f'{ROOT}.type: Invalid value: "string": must be object at the root'),
    (of_spec({"type": "array"}), f"{SPEC}.items: Required value: must be specified"),
    (
        of_spec({"type": "array", "items": {}}),
        f"{SPEC}.items.type: Required value: must not be empty for specified array items",
    ),
    (
        of_spec({"type": "thing"}),
        f'{SPEC}.type: Unsupported value: "thing": supported values: '
        '"array", "boolean", "integer", "number", "object", "string"',
    ),
    (
        {"type": "object", "additionalProperties": {"type": "string"}},
        f"{ROOT}.additionalProperties: Forbidden: must not be used at the root",
    ),
    (
        of_spec(
            {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}
        ),
        f"{SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
    ),
    (
        of_spec({"type": "string", "anyOf": [{"type": "string"}]}),
        f"{SPEC}.anyOf[0].type: Forbidden: must be empty to be structural",
    ),
    (
        of_spec({"type": "string", "not": {"description": "d"}}),
        f"{SPEC}.not.description: Forbidden: must be empty to be structural",
    ),
    (
        of_spec({"type": "object", "allOf": [{"properties": {"a": {"minLength": 1}}}]}),
        f"{SPEC}.properties[a]: Required value: because it is defined in {SPEC}.allOf[0].properties[a]",
    ),
    (
        {"type": "object", "properties": {"metadata": {"type": "object", "required": ["labels"]}}},
        f"{ROOT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but "
        "metadata is implicitly specified",
    ),
    (
        {"type": "object", "properties": {"kind": {"type": "integer"}}},
        f'{ROOT}.properties[kind].type: Invalid value: "integer": must be string',
    ),
    (
        of_spec({"type": "string", "x-kubernetes-embedded-resource": True}),
        f'{SPEC}.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
    ),
    (
        of_spec({"type": "object", "x-kubernetes-embedded-resource": True}),
        f"{SPEC}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
        "x-kubernetes-preserve-unknown-fields",
    ),
    (
        of_spec({"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True}),
        f"{SPEC}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if "
        "x-kubernetes-int-or-string is true",
    ),
    (
        of_spec({"type": "object", "x-kubernetes-preserve-unknown-fields": False}),
        f"{SPEC}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
    ),
    (
        of_spec({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        f"{SPEC}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes "
        "quadratic",
    ),
    (of_spec({"type": "object", "$ref": "#/a"}), f"{SPEC}.$ref: Forbidden: $ref is not supported"),
    (
        of_spec({"type": "object", "patternProperties": {"a": {"type": "string"}}}),
        f"{SPEC}.patternProperties: Forbidden: patternProperties is not supported",
    ),
    (
        of_spec({"type": "array", "items": [{"type": "string"}]}),
        f"{SPEC}.items: Forbidden: items must be a schema object and not an array",
    ),
    (of_spec({"type": "string", "pattern": "a["}), f'{SPEC}.pattern: Invalid value: "a[": must be a valid regular'),
    (
        of_spec({"type": "array", "x-kubernetes-list-type": "bag", "items": {"type": "string"}}),
        f'{SPEC}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"',
    ),
    (
        of_spec({"type": "object", "x-kubernetes-list-type": "set"}),
        f'{SPEC}.type: Invalid value: "object": must be array if x-kubernetes-list-type is specified',
    ),
    (
        of_spec({**MAP, "items": ITEMS}),
        f"{SPEC}.items.properties[k].default: Required value: {THIS} must have a default or be a required property",
    ),
    (
        of_spec({**MAP, "items": {**ITEMS, "required": ["k"]}, "x-kubernetes-list-map-keys": ["k", "l"]}),
        f'{SPEC}.x-kubernetes-list-map-keys: Invalid value: ["k","l"]: entries must all be names of item properties',
    ),
    (
        of_spec({"type": "array", "x-kubernetes-list-type": "map", "items": ITEMS}),
        f"{SPEC}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
    ),
    (
        of_spec({"type": "array", "x-kubernetes-list-map-keys": ["k"], "items": ITEMS}),
        f"{SPEC}.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty",
    ),
    (
        of_spec({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "object"}}),
        f"{SPEC}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with "
        "x-kubernetes-list-type=set",
    ),
    (
        of_spec({"type": "object", "x-kubernetes-map-type": "odd"}),
        f'{SPEC}.x-kubernetes-map-type: Unsupported value: "odd": supported values: "atomic", "granular"',
    ),
    (
        of_spec({"type": "integer", "default": "a"}),
        f'{SPEC}.default: Invalid value: "string": {SPEC}.default in body must be of type integer: "string"',
    ),
    (
        of_spec({"type": "object", "default": {"a": 1}}),
        f'{SPEC}.default: Invalid value: {{"a":1}}: must not have unknown fields',
    ),
    (
        {"type": "object", "properties": {"kind": {"type": "string", "default": "a"}}},
        f"{ROOT}.properties[kind].default: Forbidden: must not be set in top-level kind",
    ),
    ({"type": "object", "nullable": True}, f"{ROOT}.nullable: Forbidden: nullable cannot be true at the root"),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": " "}]}),
        f"{SPEC}.x-kubernetes-validations[0].rule: Required value: rule is not specified",
    ),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": "self.x > 1"}]}),
        f'{SPEC}.x-kubernetes-validations[0].rule: Invalid value: {{"rule":"self.x > 1"}}: compilation failed: ERROR: '
        "<input>:1:5: type 'int' does not support field selection",
    ),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": "self + 1"}]}),
        f'{SPEC}.x-kubernetes-validations[0].rule: Invalid value: {{"rule":"self + 1"}}: cel expression must evaluate '
        "to a bool",
    ),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": "true", "messageExpression": "1"}]}),
        f'{SPEC}.x-kubernetes-validations[0].messageExpression: Invalid value: {{"rule":"true","messageExpression":"1"'
        "}: messageExpression must evaluate to a string",
    ),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": "true", "reason": "Odd"}]}),
        f'{SPEC}.x-kubernetes-validations[0].reason: Unsupported value: "Odd": supported values: '
        '"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
    ),
    (
        of_spec({"type": "object", "x-kubernetes-validations": [{"rule": "true", "fieldPath": ".a"}]}),
        f'{SPEC}.x-kubernetes-validations[0].fieldPath: Invalid value: ".a": fieldPath must be a valid path',
    ),
    (
        of_spec(
            {"type": "array", "items": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > oldSelf"}]}}
        ),
        f'{SPEC}.items.x-kubernetes-validations[0].rule: Invalid value: "self > oldSelf": oldSelf cannot be used on '
        f"the uncorrelatable portion of the schema within {SPEC}",
    ),
    (
        of_spec({"type": "integer", "x-kubernetes-validations": [{"rule": "self > 1", "optionalOldSelf": True}]}),
        f"{SPEC}.x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not "
        "used in rule",
    ),
    (
        of_spec({"type": "integer", "default": 0, "x-kubernetes-validations": [{"rule": "self > 1", "message": "m"}]}),
        f'{SPEC}.default: Invalid value: "integer": m',
    ),
]


@pytest.mark.parametrize(("schema", "text"), SCHEMAS, ids=[text[30:90] for _, text in SCHEMAS])
def test_a_schema_that_may_not_be_is_refused(schema: Obj, text: str) -> None:
    messages = said(definition(schema))
    assert any(message.startswith(text) for message in messages), messages


@pytest.mark.parametrize(
    "schema",
    [
        of_spec({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        of_spec({"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}]}),
        of_spec({"x-kubernetes-preserve-unknown-fields": True}),
        of_spec({**MAP, "items": {**ITEMS, "required": ["k"]}}),
        of_spec({**MAP, "items": {"type": "object", "properties": {"k": {"type": "string", "default": ""}}}}),
        of_spec({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
        {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}}}},
        of_spec({"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]}),
        of_spec({**MAP, "items": {**ITEMS, "required": ["k"], "x-kubernetes-validations": UNCHANGED}}),
    ],
    ids=["int or string", "int or string with more", "anything", "map by a required key", "map by a key with a default",
         "set", "name rules", "logic", "old items of a map"],
)  # fmt: skip
def test_a_structural_schema_passes(schema: Obj) -> None:
    assert said(definition(schema)) == []


STATUS = {"subresources": {"status": {}}}
SCALE = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}


def scaled(**paths: str) -> Obj:
    return definition(version={"subresources": {"scale": {**SCALE, **paths}}})


def columned(**column: Any) -> Obj:
    return definition(
        version={"additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".a", **column}]}
    )


def selected(*paths: str) -> Obj:
    schema = of_spec({"type": "object", "properties": {"a": {"type": "string"}, "o": {"type": "object"}}})
    return definition(schema, version={"selectableFields": [{"jsonPath": path} for path in paths]})


def webhook(**config: Any) -> Obj:
    hook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.com/c"}, **config}
    return definition(conversion={"strategy": "Webhook", "webhook": hook})


def two(**second: Any) -> Obj:
    crd = definition()
    crd["spec"]["versions"].append({**crd["spec"]["versions"][0], "name": "v2", "storage": False, **second})
    return crd


SPECS = [
    (definition(group="example"), 'spec.group: Invalid value: "example": should be a domain with at least one dot'),
    (definition(group="a.b"), 'metadata.name: Invalid value: "things.example.com": must be spec.names.plural+"."+spec'),
    (definition(scope="Odd"), 'spec.scope: Unsupported value: "Odd": supported values: "Cluster", "Namespaced"'),
    (definition(scope=""), "spec.scope: Required value"),
    (
        definition(names={"plural": "things", "kind": "Thing", "listKind": "Thing"}),
        'spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same',
    ),
    (
        definition(names={"plural": "things", "kind": "A_b"}),
        'spec.names.kind: Invalid value: "A_b": may have mixed case, but should otherwise match: a DNS-1035 label',
    ),
    (
        definition(names={"plural": "things", "kind": "Thing", "shortNames": ["A"]}),
        'spec.names.shortNames[0]: Invalid value: "A": a DNS-1035 label',
    ),
    (definition(names={"plural": "things"}), "spec.names.kind: Required value"),
    (two(storage=True), "spec.versions: Invalid value: "),
    (two(name="v1"), "spec.versions: Invalid value: "),
    (two(name="V2"), 'spec.versions[1].name: Invalid value: "V2": a DNS-1035 label'),
    (two(schema={}), "spec.versions[1].schema.openAPIV3Schema: Required value: schemas are required"),
    (
        two(schema={"openAPIV3Schema": of_spec({})}),
        "spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for "
        "specified object fields",
    ),
    (
        definition(version={"deprecationWarning": "w"}),
        'spec.versions[0].deprecationWarning: Invalid value: "w": can only be set for deprecated versions',
    ),
    (
        definition(preserveUnknownFields=True),
        "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set",
    ),
    (
        definition({"type": "object", "maxProperties": 1}, version=STATUS),
        'spec.validation.openAPIV3Schema: Invalid value: {"type":"object","maxProperties":1}: only [Description Type ',
    ),
    (
        scaled(specReplicasPath=".n"),
        'spec.subresources.scale.specReplicasPath: Invalid value: ".n": should be a json path under .spec',
    ),
    (scaled(statusReplicasPath=""), "spec.subresources.scale.statusReplicasPath: Required value"),
    (
        scaled(labelSelectorPath="a"),
        'spec.subresources.scale.labelSelectorPath: Invalid value: "a": must be a simple json path starting with .',
    ),
    (
        columned(type="odd"),
        'spec.additionalPrinterColumns[0].type: Invalid value: "odd": must be one of boolean,date',
    ),
    (columned(jsonPath=""), "spec.additionalPrinterColumns[0].JSONPath: Required value"),
    (columned(format="odd"), 'spec.additionalPrinterColumns[0].format: Invalid value: "odd": must be one of byte,date'),
    (
        selected(".spec.b"),
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.b": is an invalid path: does not refer to a valid',
    ),
    (selected(".spec.o"), 'spec.selectableFields[0].jsonPath: Invalid value: ".spec.o": must point to a field of type'),
    (selected(".spec.a", ".spec.a"), 'spec.selectableFields[1].jsonPath: Duplicate value: ".spec.a"'),
    (definition(conversion={"strategy": "Odd"}), 'spec.conversion.strategy: Unsupported value: "Odd": supported val'),
    (
        definition(conversion={"strategy": "Webhook"}),
        "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
    ),
    (webhook(clientConfig={}), "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is"),
    (
        webhook(conversionReviewVersions=["v9"]),
        'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ),
    (
        webhook(clientConfig={"url": "http://example.com"}),
        "spec.conversion.webhookClientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme",
    ),
]


@pytest.mark.parametrize(("crd", "text"), SPECS, ids=[text[:60] for _, text in SPECS])
def test_a_definition_that_may_not_be_is_refused(crd: Obj, text: str) -> None:
    messages = said(crd)
    assert any(message.startswith(text) for message in messages), messages


@pytest.mark.parametrize(
    ("group", "annotation", "text"),
    [
        ("a.k8s.io", None, f"metadata.annotations[api-approved.kubernetes.io]: Required value: {APPROVAL}, {KEP}"),
        ("a.kubernetes.io", "odd", 'metadata.annotations[api-approved.kubernetes.io]: Invalid value: "odd": protected'),
        ("a.k8s.io", "unapproved, it is a test", ""),
        ("a.k8s.io", "https://github.com/kubernetes/kubernetes/pull/1", ""),
        ("a.example.io", None, ""),
    ],
)
def test_groups_of_the_community_need_an_approval(group: str, annotation: str | None, text: str) -> None:
    crd = definition(group=group)
    crd["metadata"] = {"name": f"things.{group}"}
    if annotation is not None:
        crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": annotation}
    messages = said(crd)
    assert messages[0].startswith(text) if text else messages == []


@pytest.mark.parametrize(
    ("change", "established", "text"),
    [
        ({"scope": "Cluster"}, True, 'spec.scope: Invalid value: "Cluster": field is immutable'),
        ({"scope": "Cluster"}, False, ""),
        (
            {"names": {"plural": "things", "kind": "Other"}}, True,
            'spec.names.kind: Invalid value: "Other": field is immutable',
        ),
        ({"group": "other.com"}, False, 'spec.group: Invalid value: "other.com": field is immutable'),
    ],
)  # fmt: skip
def test_what_names_the_objects_stays(change: Obj, established: bool, text: str) -> None:
    new, old = definition(**change), definition()
    old["status"]["conditions"] = [{"type": "Established", "status": str(established)}]
    messages = said(new, old)
    assert text in messages if text else messages == []


def test_a_version_that_objects_are_stored_in_stays_in_the_spec() -> None:
    new, old = definition(version={"name": "v2"}), definition()
    new["status"]["storedVersions"] = ["v1", "v2"]
    assert said(new, old) == [
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage '
        "version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 "
        "and removes v1 from status.storedVersions"
    ]
