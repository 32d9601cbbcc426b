"""Admission by policies and webhooks as kubectl's users meet it: a real server, the real kubectl."""

from __future__ import annotations

import base64
import contextlib
import ssl
import time
from pathlib import Path

import pytest
from aiohttp import web

from hyperpy.components.apiserver.credentials import certificates

pytestmark = pytest.mark.asyncio(loop_scope="module")


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas.example.com}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  validations:
  - expression: "object.spec.replicas <= 5"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: BINDING}
spec:
  policyName: replicas.example.com
  validationActions: [ACTION]
"""
WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: names}
webhooks:
- name: names.example.com
  clientConfig: {url: "URL", caBundle: TRUSTED}
  rules:
  - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  sideEffects: None
  admissionReviewVersions: [v1]
"""


async def test_policy_denies_and_warns(kubectl):
    await kubectl("create", "-f", "-", stdin=POLICY.replace("ACTION", "Deny").replace("BINDING", "strict"))
    said = await kubectl("create", "deployment", "web", "--image=i", "--replicas=6", fails=True)
    assert said == (
        'error: failed to create deployment: deployments.apps "web" is forbidden: ValidatingAdmissionPolicy '
        "'replicas.example.com' with binding 'strict' denied request: failed expression: object.spec.replicas <= 5\n"
    )
    await kubectl("create", "deployment", "web", "--image=i", "--replicas=5")
    await kubectl("delete", "validatingadmissionpolicybinding", "strict")
    await kubectl("apply", "-f", "-", stdin=POLICY.replace("ACTION", "Warn").replace("BINDING", "lax"))
    said = await kubectl("create", "deployment", "other", "--image=i", "--replicas=6")
    assert said == (
        "Warning: Validation failed for ValidatingAdmissionPolicy 'replicas.example.com' with binding 'lax': failed "
        "expression: object.spec.replicas <= 5\ndeployment.apps/other created\n"
    )
    shown = await kubectl("get", "validatingadmissionpolicies,validatingadmissionpolicybindings")
    rows = [line.split()[:3] for line in shown.splitlines() if "example.com" in line]
    assert rows == [
        ["validatingadmissionpolicy.admissionregistration.k8s.io/replicas.example.com", "1", "<unset>"],
        ["validatingadmissionpolicybinding.admissionregistration.k8s.io/lax", "replicas.example.com", "<unset>"],
    ]


async def test_wrong_policy_is_refused_with_the_place_of_the_error(kubectl):
    wrong = POLICY.replace("object.spec.replicas <= 5", "object.spec.replicas <=").split("---")[0]
    said = await kubectl(
        "create", "-f", "-", stdin=wrong.replace("replicas.example.com", "wrong.example.com"), fails=True
    )
    assert '"wrong.example.com" is invalid: spec.validations[0].expression: Invalid value: "object.spec.' in said
    assert "compilation failed: ERROR: <input>:1:24: Syntax error: mismatched input '<EOF>'" in said


@contextlib.asynccontextmanager
async def webhook(directory: Path, answer):
    """An HTTPS server that answers reviews; gives its URL and its authority."""
    now = time.time()
    authority = certificates.make_authority("webhooks", now=now, lifetime_s=7200)
    leaf = certificates.issue(
        certificates.Request("webhook", hosts=("127.0.0.1",)),
        authority_cert=authority.certificate, authority_key=authority.key, now=now, lifetime_s=3600,
    )  # fmt: skip
    (directory / "cert.pem").write_bytes(leaf.certificate)
    (directory / "key.pem").write_bytes(leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")

    async def handle(request: web.Request) -> web.Response:
        review = await request.json()
        response = {"uid": review["request"]["uid"], **answer(review["request"])}
        return web.json_response({**{k: review[k] for k in ("apiVersion", "kind")}, "response": response})

    app = web.Application()
    app.router.add_post("/validate", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        url = f"https://127.0.0.1:{runner.addresses[0][1]}/validate"
        yield url, base64.b64encode(authority.certificate).decode()
    finally:
        await runner.cleanup()


async def test_webhook_refuses_and_is_missed(kubectl, tmp_path):
    def answer(request):
        allowed = request["name"] != "bad"
        return {"allowed": allowed, "status": {"message": "bad name", "code": 403}, "warnings": ["names matter"]}

    async with webhook(tmp_path, answer) as (url, trusted):
        await kubectl("create", "-f", "-", stdin=WEBHOOK.replace("URL", url).replace("TRUSTED", trusted))
        said = await kubectl("create", "configmap", "bad", fails=True)
        assert said == (
            "Warning: names matter\n"
            'error: failed to create configmap: admission webhook "names.example.com" denied the request: bad name\n'
        )
        assert await kubectl("create", "configmap", "good") == "Warning: names matter\nconfigmap/good created\n"
        assert "validatingwebhookconfiguration" in await kubectl(
            "api-resources", "--api-group=admissionregistration.k8s.io"
        )
    said = await kubectl("create", "configmap", "later", fails=True)
    assert said == (
        "error: failed to create configmap: Internal error occurred: failed calling webhook "
        f'"names.example.com": failed to call webhook: Post "{url}?timeout=10s": dial tcp {url[8:-9]}: '
        "connect: connection refused\n"
    )
    await kubectl("delete", "validatingwebhookconfiguration", "names")
    await kubectl("create", "configmap", "later")
