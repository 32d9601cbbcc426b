"""PodSecurity in the API server: refusals, warnings, exemptions, and namespaces that become stricter."""

from __future__ import annotations

import textwrap

import pytest

from hyperpy.api import errors
from hyperpy.api.podsecurity import LevelVersion, Policy
from hyperpy.components.apiserver.admission import configuration
from hyperpy.components.apiserver.admission.pod_security import PodSecuritySettings
from hyperpy.components.apiserver.admission.world import Settings
from hyperpy.components.apiserver.config import CoreConfig

P = "pod-security.kubernetes.io/"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


async def label(cluster, **labels):
    body = {"metadata": {"labels": {P + name: value for name, value in labels.items()}}}
    return await cluster.send("PATCH", "/api/v1/namespaces/default", body, content_type=MERGE)


def warnings(response):
    return response.headers.get("Warning", "")


async def test_a_pod_that_violates_the_enforced_level_is_refused(cluster, make_pod):
    await label(cluster, enforce="baseline")
    with pytest.raises(errors.Forbidden) as refusal:
        await cluster.send("POST", PODS, make_pod("p", hostNetwork=True))
    assert refusal.value.message == (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'
    )
    assert (await cluster.send("POST", PODS, make_pod("q"))).status == 201


async def test_the_audit_log_is_told_by_what_pods_are_judged_and_what_they_violate(cluster, make_pod, noted):
    await label(cluster, enforce="privileged", audit="baseline", warn="privileged")
    await cluster.send("POST", PODS, make_pod("p", hostNetwork=True))
    assert {key: value for key, value in noted.items() if key.startswith(P)} == {
        f"{P}enforce-policy": "privileged:latest",
        f"{P}audit-violations": 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    }


async def test_a_workload_is_let_in_with_a_warning(cluster, make_pod):
    await label(cluster, enforce="restricted")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": make_pod("p")["spec"]}
    deployment = {
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    answer = await cluster.send("POST", "/apis/apps/v1/namespaces/default/deployments", deployment)
    assert answer.status == 201
    assert 'would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation' in warnings(answer)


async def test_a_change_that_matters_is_judged_and_others_are_not(cluster, make_pod):
    await cluster.send("POST", PODS, make_pod("p"))
    await label(cluster, enforce="restricted")
    await cluster.send("PATCH", f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE)
    image = {"spec": {"containers": [{"name": "main", "image": "other"}]}}
    with pytest.raises(errors.Forbidden, match="violates PodSecurity"):
        await cluster.send("PATCH", f"{PODS}/p", image, content_type="application/strategic-merge-patch+json")


async def test_a_namespace_that_becomes_stricter_is_told_what_is_in_the_way(cluster, make_pod):
    for name in ("b", "a", "c"):
        await cluster.send("POST", PODS, make_pod(name, hostNetwork=True))
    answer = await label(cluster, enforce="baseline")
    assert 'existing pods in namespace \\"default\\" violate the new PodSecurity enforce level' in warnings(answer)
    assert "a (and 2 other pods): host namespaces" in warnings(answer)
    assert not warnings(await label(cluster, enforce="privileged"))


async def test_bad_labels_are_refused_where_they_are_new(cluster):
    with pytest.raises(errors.Invalid, match=r"metadata.labels\[pod-security.kubernetes.io/enforce\]: Invalid value"):
        await label(cluster, enforce="strict")


class TestConfigured:
    @pytest.fixture
    def config(self):
        settings = PodSecuritySettings(
            Policy(enforce=LevelVersion("baseline")), frozenset({"tester"}), frozenset({"kube-system"})
        )
        return CoreConfig(admission=Settings(pod_security=settings))

    async def test_who_is_exempt_is_not_judged(self, cluster, make_pod):
        assert (await cluster.send("POST", PODS, make_pod("p", hostNetwork=True))).status == 201

    async def test_an_exempt_namespace_is_told_that_its_labels_do_nothing(self, cluster):
        body = {"metadata": {"labels": {P + "enforce": "restricted"}}}
        answer = await cluster.send("PATCH", "/api/v1/namespaces/kube-system", body, content_type=MERGE)
        assert "is exempt from Pod Security, and the policy (enforce=restricted:latest" in warnings(answer)


class TestDefaults:
    @pytest.fixture
    def config(self):
        defaults = Policy(enforce=LevelVersion("baseline"))
        return CoreConfig(admission=Settings(pod_security=PodSecuritySettings(defaults)))

    async def test_the_defaults_hold_where_a_namespace_says_nothing(self, cluster, make_pod):
        with pytest.raises(errors.Forbidden, match="baseline:latest"):
            await cluster.send("POST", PODS, make_pod("p", hostNetwork=True))


FILE = """
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline, enforce-version: v1.30, warn: restricted}
    exemptions: {usernames: [root], namespaces: [kube-system], runtimeClasses: [kata]}
"""


def test_the_configuration_file_is_read(tmp_path):
    path = tmp_path / "admission.yaml"
    path.write_text(FILE)
    settings = configuration.read(path).pod_security
    assert settings.defaults == Policy(
        enforce=LevelVersion("baseline", "v1.30"), warn=LevelVersion("restricted", "latest")
    )
    assert settings.runtime_classes == {"kata"}


def test_settings_may_lie_in_a_file_beside_it(tmp_path):
    head, _, own = FILE.partition("  configuration:\n")
    (tmp_path / "admission.yaml").write_text(f"{head}  path: podsecurity.yaml\n")
    (tmp_path / "podsecurity.yaml").write_text(textwrap.dedent(own))
    settings = configuration.read(tmp_path / "admission.yaml").pod_security
    assert settings.namespaces == {"kube-system"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(("enforce: baseline", "enforce: strict"), "must be one of privileged", id="level"),
        pytest.param(("name: PodSecurity", "name: EventRateLimit"), "takes no configuration", id="plugin"),
        pytest.param(("kind: AdmissionConfiguration", "kind: Pod"), "expected AdmissionConfiguration", id="kind"),
        pytest.param(("plugins:", "plugins: ["), "admission.yaml", id="yaml"),
    ],
)
def test_a_configuration_file_that_cannot_be_used_is_refused(tmp_path, change, says):
    path = tmp_path / "admission.yaml"
    path.write_text(FILE.replace(*change))
    with pytest.raises(configuration.ConfigurationError, match=says):
        configuration.read(path)
