"""The policy file: what is taken, and what is told about mistakes."""

import pytest

from hyperpy.components.apiserver.audit import policy_file
from hyperpy.components.apiserver.audit.policy import GroupResources, Level, Policy, Rule
from hyperpy.components.supervisor import StartFailure

WHOLE = """
apiVersion: audit.k8s.io/v1
kind: Policy
metadata: {name: x}
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  users: ["system:kube-proxy"]
  verbs: [watch]
  resources: [{group: "", resources: [endpoints, services/status]}]
- level: RequestResponse
  userGroups: [devs]
  namespaces: [kube-system]
  omitManagedFields: false
  resources: [{group: apps, resources: [deployments], resourceNames: [web]}]
- level: Metadata
  nonResourceURLs: ["/healthz*", "/version"]
  omitStages: [Panic]
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "policy.yaml").write_text(text)
        return tmp_path / "policy.yaml"

    return write


def test_a_whole_policy(written):
    assert policy_file.read(written(WHOLE)) == Policy(
        (
            Rule(
                Level.NONE,
                users=("system:kube-proxy",),
                verbs=("watch",),
                resources=(GroupResources("", ("endpoints", "services/status")),),
            ),
            Rule(
                Level.REQUEST_RESPONSE,
                groups=("devs",),
                namespaces=("kube-system",),
                omit_managed_fields=False,
                resources=(GroupResources("apps", ("deployments",), ("web",)),),
            ),
            Rule(Level.METADATA, urls=("/healthz*", "/version"), omit_stages=("Panic",)),
        ),
        ("RequestReceived",),
        True,
    )


HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Policy\nrules: [{level: None}]", "apiVersion: Field required"),
        ("apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: []", "apiVersion: Input should be 'audit.k8s.io/v1'"),
        (HEAD + "rules: []", "loaded illegal policy with 0 rules"),
        (HEAD + "rules: [{level: All}]", "rules.0.level: Input should be 'None', 'Metadata'"),
        (HEAD + "rules: [{level: None, user: [x]}]", "rules.0.user: Extra inputs are not permitted"),
        (HEAD + "rules: [{level: None, omitStages: [End]}]", "rules.0.omitStages.0: Input should be 'RequestReceived'"),
        (HEAD + "rules: [{level: None, nonResourceURLs: [x]}]", "must begin with a '/' character"),
        (HEAD + "rules: [{level: None, nonResourceURLs: ['/a*b']}]", "must be the final character of the rule"),
        (
            HEAD + "rules: [{level: None, nonResourceURLs: ['/a'], namespaces: [b]}]",
            "rules cannot apply to both regular resources and non-resource URLs",
        ),
        (
            HEAD + "rules: [{level: None, resources: [{resourceNames: [a]}]}]",
            "using resourceNames requires at least one resource",
        ),
        (HEAD + "rules: [{level: None, resources: [{group: A/v1}]}]", "rules.0.resources.0.group"),
        ("{", "policy.yaml"),
    ],
)
def test_a_mistake_is_told_with_its_place(written, text, told):
    with pytest.raises(StartFailure) as failure:
        policy_file.read(written(text))
    assert told in str(failure.value)
    assert str(failure.value).startswith("--audit-policy-file")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(StartFailure, match="cannot read"):
        policy_file.read(tmp_path / "none")
