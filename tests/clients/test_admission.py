"""What kubectl's users read when admission says no, warns, or lets them debug."""

import json
import re

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: "2", limits.cpu: "2"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: l}
spec:
  limits:
  - {type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 100m}, max: {cpu: "1"}}
"""


@pytest.fixture
def kubectl(cluster, namespace):
    def call(*arguments, check=True, stdin=None):
        return cluster.kubectl("-n", namespace, *arguments, check=check, stdin=stdin)

    return call


def run(kubectl, name, *arguments, check=True):
    image = ("--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Never")
    return kubectl("run", name, *image, *arguments, "--command", "--", "sleep", "1000", check=check)


def test_quotas_and_limits_are_told_as_kubernetes_does(cluster, kubectl):
    kubectl("apply", "-f", "-", stdin=QUOTA)
    kubectl("wait", "resourcequota/q", "--for=jsonpath={.status.used.pods}=0", "--timeout=20s")
    run(kubectl, "a")
    limits = json.loads(kubectl("get", "pod", "a", "-o", "json").stdout)["spec"]["containers"][0]["resources"]
    assert limits == {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}}
    large = '--overrides={"spec":{"containers":[{"name":"b","image":"hyperpy","resources":{"limits":{"cpu":"2"}}}]}}'
    refused = run(kubectl, "b", large, check=False).stderr
    said = 'pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    assert f"Error from server (Forbidden): {said}" in refused
    run(kubectl, "b")
    refused = run(kubectl, "c", check=False).stderr
    said = 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
    assert f"Error from server (Forbidden): {said}" in refused
    kubectl("delete", "pod", "a", "--now")
    kubectl("wait", "resourcequota/q", "--for=jsonpath={.status.used.pods}=1", "--timeout=20s")
    described = kubectl("describe", "resourcequota", "q").stdout
    assert re.search(r"^pods +1 +2$", described, re.MULTILINE), described


def test_pod_security_refuses_and_warns(cluster, kubectl, namespace):
    run(kubectl, "there")
    labelled = cluster.kubectl(
        "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted", check=False
    )
    assert f'Warning: existing pods in namespace "{namespace}" violate the new PodSecurity' in labelled.stderr
    assert "Warning: there: allowPrivilegeEscalation != false, unrestricted capabilities" in labelled.stderr
    refused = run(kubectl, "p", check=False).stderr
    assert (
        'Error from server (Forbidden): pods "p" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "p" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "p" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "p" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "p" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    ) in refused
    made = kubectl("create", "deployment", "d", "--image=hyperpy")
    assert made.stdout == "deployment.apps/d created\n"
    assert 'Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation' in made.stderr


def test_kubectl_debugs_a_running_pod(kubectl):
    run(kubectl, "p")
    kubectl("wait", "pod/p", "--for=condition=Ready", "--timeout=60s")
    kubectl("debug", "p", "--image=hyperpy", "--image-pull-policy=IfNotPresent", "-c", "look", "--", "echo", "hello")
    path = "--for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0"
    kubectl("wait", "pod/p", path, "--timeout=60s")
    assert kubectl("logs", "p", "-c", "look").stdout == "hello\n"
    assert kubectl("get", "pod", "p", "-o", "jsonpath={.status.phase}").stdout == "Running"


def test_kubectl_patches_a_resize(kubectl):
    container = '{"name":"p","image":"hyperpy","resources":{"requests":{"cpu":"10m"}}}'
    run(kubectl, "p", f'--overrides={{"spec":{{"containers":[{container}]}}}}')
    patch = '{"spec":{"containers":[{"name":"p","resources":{"requests":{"cpu":"20m"}}}]}}'
    kubectl("patch", "pod", "p", "--subresource=resize", "-p", patch)
    path = "jsonpath={.spec.containers[0].resources.requests.cpu}"
    assert kubectl("get", "pod", "p", "-o", path).stdout == "20m"
    refused = kubectl("patch", "pod", "p", "--subresource=resize", "-p", patch.replace('"20m"', "null"), check=False)
    assert "resource requests cannot be removed" in refused.stderr


WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.quota.example.com}
spec:
  group: quota.example.com
  names: {kind: Gizmo, plural: gizmos}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
"""
WIDGET = """
apiVersion: quota.example.com/v1
kind: Gizmo
metadata: {name: %s}
"""


def test_custom_objects_are_counted_and_given_back(cluster, kubectl):
    cluster.kubectl("apply", "-f", "-", stdin=WIDGETS)
    cluster.kubectl("wait", "crd/gizmos.quota.example.com", "--for=condition=Established", "--timeout=20s")
    try:
        kubectl("create", "quota", "q", "--hard=count/gizmos.quota.example.com=1")
        used = r"--for=jsonpath={.status.used.count/gizmos\.quota\.example\.com}"
        kubectl("wait", "resourcequota/q", f"{used}=0", "--timeout=20s")
        kubectl("apply", "-f", "-", stdin=WIDGET % "a")
        refused = kubectl("apply", "-f", "-", stdin=WIDGET % "b", check=False).stderr
        assert "exceeded quota: q, requested: count/gizmos.quota.example.com=1" in refused
        kubectl("delete", "gizmo", "a")
        kubectl("wait", "resourcequota/q", f"{used}=0", "--timeout=50s")
        kubectl("apply", "-f", "-", stdin=WIDGET % "b")
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=WIDGETS)


NO_SHELL = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-shell}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec]}
  validations:
  - expression: "object.kind != 'PodExecOptions' || object.command[0] != 'sh'"
    message: nobody gets a shell here
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-shell}
spec:
  policyName: no-shell
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
"""


def test_a_policy_decides_who_is_connected(cluster, kubectl, namespace):
    run(kubectl, "p")
    kubectl("wait", "pod/p", "--for=condition=Ready", "--timeout=60s")
    manifest = NO_SHELL.replace("NAMESPACE", namespace)
    cluster.kubectl("apply", "-f", "-", stdin=manifest)
    try:
        refused = kubectl("exec", "p", "--", "sh", "-c", "true", check=False)
        assert refused.returncode != 0
        assert "denied request: nobody gets a shell here" in refused.stderr
        assert kubectl("exec", "p", "--", "echo", "hello").stdout == "hello\n"
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=manifest)
