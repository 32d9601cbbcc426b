"""create and update: identity, metadata, status and generation, conflicts, dry runs, field validation."""

from __future__ import annotations

import orjson
import pytest

from hyperpy.api import errors, kinds

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def deployment(name="web", **spec):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


async def test_a_new_object_gets_its_metadata_and_is_answered_with_201(cluster, make_config_map):
    response = await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    assert response.status == 201
    stored = await cluster.json("GET", f"{CONFIG_MAPS}/one")
    own = stored["metadata"]
    assert (own["namespace"], own["creationTimestamp"]) == ("default", "2023-11-14T22:13:20Z")
    assert len(own["uid"]) == 36
    assert own["resourceVersion"] == str(await cluster.store.revision())
    assert "generation" not in own
    assert list(stored)[:3] == ["apiVersion", "kind", "metadata"]


async def test_a_taken_name_is_refused(cluster, make_config_map):
    await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    with pytest.raises(errors.AlreadyExists, match='configmaps "one" already exists'):
        await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))


async def test_a_generated_name_ends_in_five_characters(cluster):
    made = await cluster.json("POST", CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
    assert len(made["metadata"]["name"]) == len("job-") + 5
    assert made["metadata"]["generateName"] == "job-"


async def test_generated_names_are_tried_again_when_taken(cluster):
    cluster.handler.core.rng.seed(7)
    first = await cluster.json("POST", CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
    cluster.handler.core.rng.seed(7)
    second = await cluster.json("POST", CONFIG_MAPS, {"metadata": {"generateName": "job-"}})
    assert first["metadata"]["name"] != second["metadata"]["name"]


@pytest.mark.parametrize("there", [True, False])
async def test_an_update_names_the_object_of_its_url_whether_it_is_there_or_not(cluster, make_config_map, there):
    if there:
        await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    with pytest.raises(errors.BadRequest, match=r"of the object \(two\) does not match the name on the URL \(one\)"):
        await cluster.send("PUT", f"{CONFIG_MAPS}/one", make_config_map("two"))


@pytest.mark.parametrize(
    ("method", "path", "content_type", "when"),
    [
        ("POST", "", "application/json", ""),
        ("PUT", "/one", "application/json", ""),
        ("PATCH", "/one", "application/merge-patch+json", " after mutating admission happens"),
    ],
)
async def test_an_owner_is_kept_once(cluster, make_config_map, method, path, content_type, when):
    if path:
        await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u1"}
    controller = {**owner, "controller": True}
    obj = make_config_map("one", ownerReferences=[owner, controller, owner, owner])
    answer = await cluster.send(method, CONFIG_MAPS + path, obj, content_type=content_type)
    assert orjson.loads(answer.body)["metadata"]["ownerReferences"] == [owner, controller]
    assert answer.headers["Warning"] == (
        f'299 - ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in '
        "1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        '[u1 u1]"'
    )


async def test_a_dry_run_writes_nothing(cluster, make_config_map):
    before = await cluster.store.revision()
    made = await cluster.json("POST", f"{CONFIG_MAPS}?dryRun=All", make_config_map("one"))
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert await cluster.store.revision() == before
    with pytest.raises(errors.Invalid, match='dryRun: Unsupported value: "Some"'):
        await cluster.send("POST", f"{CONFIG_MAPS}?dryRun=Some", make_config_map("one"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"metadata": {"name": "x", "namespace": "other"}}, "does not match the namespace", id="namespace"),
        pytest.param({"kind": "Secret", "metadata": {"name": "x"}}, "cannot be handled as a ConfigMap", id="kind"),
        pytest.param(
            {"apiVersion": "v2", "metadata": {"name": "x"}}, "does not match the expected API version", id="version"
        ),
        pytest.param({"metadata": {"name": "x", "resourceVersion": "5"}}, "resourceVersion should not", id="versioned"),
        pytest.param({"metadata": {"name": 5}}, "metadata.name", id="type"),
        pytest.param(b"[1]", "an object was expected", id="list"),
        pytest.param(b"{", "json parse error", id="broken"),
    ],
)
async def test_bodies_that_are_something_else_are_bad_requests(cluster, body, message):
    with pytest.raises(errors.BadRequest, match=message):
        await cluster.send("POST", CONFIG_MAPS, body)


async def test_yaml_is_taken(cluster):
    body = b"metadata:\n  name: one\ndata:\n  a: 'yes'\n"
    made = await cluster.json("POST", CONFIG_MAPS, body, content_type="application/yaml")
    assert made["data"] == {"a": "yes"}


async def test_other_content_is_not(cluster):
    with pytest.raises(errors.UnsupportedMediaType):
        await cluster.send("POST", CONFIG_MAPS, b"x", content_type="application/cbor")


class TestFieldValidation:
    BODY = b'{"metadata":{"name":"one"},"data":{"a":"1","a":"2"},"extra":1}'

    async def test_strict_refuses_unknown_and_repeated_fields(self, cluster):
        message = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        with pytest.raises(errors.BadRequest) as raised:
            await cluster.send("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", self.BODY)
        assert raised.value.message == message + 'duplicate field "data.a", unknown field "extra"'

    async def test_warn_is_the_default_and_says_the_same_in_a_header(self, cluster):
        response = await cluster.send("POST", CONFIG_MAPS, self.BODY)
        warning = response.headers["Warning"]
        assert warning == '299 - "duplicate field \\"data.a\\"", 299 - "unknown field \\"extra\\""'
        assert b"extra" not in response.body

    async def test_ignore_says_nothing(self, cluster):
        response = await cluster.send("POST", f"{CONFIG_MAPS}?fieldValidation=Ignore", self.BODY)
        assert response.headers == {}

    YAML = b"metadata:\n  name: one\nspec: 1\ndata:\n  a: '1'\n  a: '2'\n  A: '3'\nData: {}\n"

    async def test_strict_names_the_lines_of_repeated_keys_in_yaml(self, cluster):
        with pytest.raises(errors.BadRequest) as raised:
            await cluster.send(
                "POST", f"{CONFIG_MAPS}?fieldValidation=Strict", self.YAML, content_type="application/yaml"
            )
        assert raised.value.message.partition("strict decoding error: ")[2] == (
            'yaml: unmarshal errors:\n  line 6: key "a" already set in map, unknown field "spec", unknown field "Data"'
        )

    async def test_the_last_of_repeated_keys_in_yaml_counts(self, cluster):
        response = await cluster.send("POST", CONFIG_MAPS, self.YAML, content_type="application/yaml")
        assert orjson.loads(response.body)["data"] == {"a": "2", "A": "3"}
        assert response.headers["Warning"] == (
            '299 - "line 6: key \\"a\\" already set in map", 299 - "unknown field \\"spec\\"", '
            '299 - "unknown field \\"Data\\""'
        )

    @pytest.mark.parametrize(
        ("content", "patch"),
        [
            pytest.param("application/merge-patch+json", {"extra": 1, "Data": {}}, id="merge"),
            pytest.param("application/strategic-merge-patch+json", {"extra": 1, "Data": {}}, id="strategic"),
            pytest.param(
                "application/json-patch+json",
                [{"op": "add", "path": path, "value": {}} for path in ("/Data", "/extra")],
                id="json",
            ),
        ],
    )
    async def test_patches_are_held_to_the_same(self, cluster, make_config_map, content, patch):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        answer = await cluster.send("PATCH", f"{CONFIG_MAPS}/one", patch, content_type=content)
        assert answer.headers["Warning"] == '299 - "unknown field \\"Data\\"", 299 - "unknown field \\"extra\\""'
        strict = f"{CONFIG_MAPS}/one?fieldValidation=Strict"
        with pytest.raises(errors.Invalid, match='strict decoding error: unknown field "Data", unknown field "extra"'):
            await cluster.send("PATCH", strict, patch, content_type=content)
        ignored = await cluster.send("PATCH", strict.replace("Strict", "Ignore"), patch, content_type=content)
        assert "Warning" not in ignored.headers

    async def test_fields_below_lists_are_named_by_their_place(self, cluster, make_pod):
        pod = make_pod("p")
        pod["spec"]["containers"][0]["Image"] = "b"
        response = await cluster.send("POST", "/api/v1/namespaces/default/pods", pod)
        assert response.headers["Warning"] == '299 - "unknown field \\"spec.containers[0].Image\\""'

    async def test_another_word_is_refused(self, cluster):
        with pytest.raises(errors.Invalid, match='fieldValidation: Unsupported value: "Maybe"'):
            await cluster.send("POST", f"{CONFIG_MAPS}?fieldValidation=Maybe", self.BODY)


class TestUpdate:
    async def test_a_stale_version_is_a_conflict(self, cluster, make_config_map):
        old = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        await cluster.client.update(kinds.CONFIG_MAP, {**old, "data": {"a": "2"}})
        with pytest.raises(errors.Conflict) as raised:
            await cluster.client.update(kinds.CONFIG_MAP, {**old, "data": {"a": "3"}})
        assert raised.value.message == (
            'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your '
            "changes to the latest version and try again"
        )

    async def test_without_a_version_the_last_write_wins(self, cluster, make_config_map):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        updated = await cluster.client.update(kinds.CONFIG_MAP, {**make_config_map("one"), "data": {"a": "9"}})
        assert updated["data"] == {"a": "9"}

    async def test_no_change_makes_no_revision(self, cluster, make_config_map):
        old = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        again = await cluster.client.update(kinds.CONFIG_MAP, old)
        assert again == old
        assert str(await cluster.store.revision()) == old["metadata"]["resourceVersion"]

    async def test_another_uid_is_a_conflict(self, cluster, make_config_map):
        old = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        other = {**old, "metadata": {**old["metadata"], "uid": "other"}}
        with pytest.raises(errors.Conflict, match="Precondition failed: UID in precondition: other"):
            await cluster.client.update(kinds.CONFIG_MAP, other)

    async def test_the_creation_time_stays(self, cluster, make_config_map):
        old = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        changed = {**old, "metadata": {**old["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}}
        with pytest.raises(errors.Invalid, match="metadata.creationTimestamp: Invalid value.*field is immutable"):
            await cluster.client.update(kinds.CONFIG_MAP, changed)

    async def test_the_name_must_be_that_of_the_url(self, cluster, make_config_map):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        with pytest.raises(errors.BadRequest, match=r"the name of the object \(two\) does not match"):
            await cluster.send("PUT", f"{CONFIG_MAPS}/one", make_config_map("two"))

    async def test_a_missing_object_is_not_found(self, cluster, make_config_map):
        with pytest.raises(errors.NotFound, match='configmaps "one" not found'):
            await cluster.client.update(kinds.CONFIG_MAP, make_config_map("one"))

    async def test_leases_are_made_by_put(self, cluster):
        lease = {"metadata": {"name": "l", "namespace": "default"}, "spec": {"holderIdentity": "me"}}
        path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
        assert (await cluster.send("PUT", path, lease)).status == 201
        with pytest.raises(errors.Invalid, match="must be specified for an update"):
            await cluster.send("PUT", path, lease)


class TestGenerationAndStatus:
    async def test_the_generation_counts_changes_of_the_spec(self, cluster):
        made = await cluster.json("POST", DEPLOYMENTS, deployment())
        assert made["metadata"]["generation"] == 1
        made["spec"]["replicas"] = 2
        changed = await cluster.client.update(kinds.DEPLOYMENT, made)
        assert changed["metadata"]["generation"] == 2
        changed["metadata"]["labels"] = {"a": "b"}
        labelled = await cluster.client.update(kinds.DEPLOYMENT, changed)
        assert labelled["metadata"]["generation"] == 2

    async def test_a_write_of_the_object_leaves_its_status(self, cluster):
        made = await cluster.json("POST", DEPLOYMENTS, {**deployment(), "status": {"replicas": 7}})
        assert not (made.get("status") or {}).get("replicas")
        made["status"] = {"replicas": 7}
        updated = await cluster.client.update(kinds.DEPLOYMENT, made)
        assert not (updated.get("status") or {}).get("replicas")

    async def test_a_write_of_the_status_leaves_the_spec(self, cluster):
        made = await cluster.json("POST", DEPLOYMENTS, deployment())
        made["status"] = {"replicas": 1, "observedGeneration": 1}
        made["spec"]["replicas"] = 9
        updated = await cluster.client.update(kinds.DEPLOYMENT, made, subresource="status")
        assert updated["status"]["replicas"] == 1
        assert updated["spec"]["replicas"] == 1
        assert updated["metadata"]["generation"] == 1


async def test_unknown_resources_and_verbs_are_refused(cluster, make_config_map):
    with pytest.raises(errors.NotFound, match="the server could not find the requested resource"):
        await cluster.send("GET", "/api/v1/namespaces/default/things")
    with pytest.raises(errors.MethodNotAllowed):
        await cluster.send("POST", f"{CONFIG_MAPS}/one", make_config_map("one"))
    with pytest.raises(errors.NotFound):
        await cluster.send("GET", f"{CONFIG_MAPS}/one/status")
    with pytest.raises(errors.NotFound):
        await cluster.send("GET", "/api/v1/configmaps/one")
    with pytest.raises(errors.NotFound):
        await cluster.send("GET", "/api/v1/namespaces/default/nodes")
    with pytest.raises(errors.BadRequest, match="an empty namespace may not be set"):
        await cluster.send("POST", "/api/v1/configmaps", {"metadata": {"name": "one"}})


@pytest.mark.parametrize("name", ["..", "a\x00b", "a%b", "\udcff"])
async def test_names_that_cannot_be_keys_are_bad_requests(cluster, name):
    with pytest.raises(errors.BadRequest, match="may not be a name"):
        await cluster.send("GET", f"{CONFIG_MAPS}/{name}")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        pytest.param("application/vnd.kubernetes.protobuf, application/json", "ConfigMap", id="protobuf or json"),
        pytest.param("*/*", "ConfigMap", id="anything"),
        pytest.param(
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "PartialObjectMetadata", id="meta"
        ),
        pytest.param("application/json;as=Table;g=meta.k8s.io;v=v1", "Table", id="table"),
        pytest.param("application/json;as=Thing;g=meta.k8s.io;v=v1, application/json", "ConfigMap", id="unknown form"),
    ],
)
async def test_the_accept_header_picks_the_form(cluster, make_config_map, accept, kind):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    assert (await cluster.json("GET", f"{CONFIG_MAPS}/one", accept=accept))["kind"] == kind


async def test_protobuf_alone_cannot_be_had(cluster):
    with pytest.raises(errors.NotAcceptable):
        await cluster.send("GET", CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf")


async def test_events_are_bound_to_a_shared_lease(cluster):
    involved = {"kind": "Pod", "namespace": "default", "name": "p"}
    for name in ("a", "b"):
        event = {"metadata": {"name": name, "namespace": "default"}, "involvedObject": involved, "reason": "Tested"}
        await cluster.client.create(kinds.EVENT, event)
    (lease,) = await cluster.store.leases()
    assert len((await cluster.store.lease_info(lease, keys=True)).keys) == 2


async def test_an_event_that_goes_on_stays_longer(cluster):
    involved = {"kind": "Pod", "namespace": "default", "name": "p"}
    event = {"metadata": {"name": "a", "namespace": "default"}, "involvedObject": involved, "reason": "Tested"}
    await cluster.client.create(kinds.EVENT, event)
    await cluster.clock.advance(301)
    await cluster.client.patch(kinds.EVENT, "a", {"count": 2}, namespace="default")
    first, second = sorted(await cluster.store.leases())
    bound = [len((await cluster.store.lease_info(lease, keys=True)).keys) for lease in (first, second)]
    assert sorted(bound) == [0, 1]


async def test_an_event_that_ends_by_itself_is_seen_as_deleted(cluster):
    involved = {"kind": "Pod", "namespace": "default", "name": "p"}
    event = {"metadata": {"name": "a", "namespace": "default"}, "involvedObject": involved, "reason": "Tested"}
    await cluster.client.create(kinds.EVENT, event)
    watch = await cluster.lines("/api/v1/events?watch=1")
    assert await watch.take(1) == [("ADDED", "a")]
    (lease,) = await cluster.store.leases()
    await cluster.store.lease_revoke(lease)
    assert await watch.take(1) == [("DELETED", "a")]
    await watch.aclose()


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces", "/api/v1/namespaces/default/services", "/api/v1/namespaces/default/pods"]
)
async def test_an_object_without_name_and_spec_is_invalid(cluster, path):
    with pytest.raises(errors.Invalid, match="name or generateName is required"):
        await cluster.send("POST", path, {})


async def test_what_surprises_is_told_in_a_header_and_written_all_the_same(cluster, make_pod):
    pod = make_pod("p", imagePullSecrets=[{}])
    response = await cluster.send("POST", "/api/v1/namespaces/default/pods", pod)
    assert response.status == 201
    assert "spec.imagePullSecrets[0].name: invalid empty name" in response.headers["Warning"]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    await cluster.send("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    for change, told in (({"minReadySeconds": 1}, True), ({}, False)):
        answer = await cluster.send(
            "PATCH", f"{path}/d", {"spec": change}, content_type="application/merge-patch+json"
        )  # fmt: skip
        assert ("invalid empty name" in str(answer.headers)) is told
    scaled = await cluster.send(
        "PATCH", f"{path}/d/scale", {"spec": {"replicas": 2}}, content_type="application/merge-patch+json"
    )
    assert "invalid empty name" not in str(scaled.headers)


async def test_a_value_of_the_wrong_type_is_told_as_go_does(cluster):
    with pytest.raises(errors.BadRequest) as raised:
        await cluster.send("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"a": 1}})
    assert raised.value.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    )
