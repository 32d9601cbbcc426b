"""Tokens without an end, with a real kubectl: a Secret for a ServiceAccount is filled, its token logs in, and both go
with the account."""

import base64
import json

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

SECRET = """
apiVersion: v1
kind: Secret
metadata:
  name: robot-token
  annotations:
    kubernetes.io/service-account.name: robot
type: kubernetes.io/service-account-token
"""


def test_the_token_of_a_secret_logs_in_until_its_account_is_gone(embedded):
    embedded.kubectl("create", "namespace", "robots")
    embedded.kubectl("create", "serviceaccount", "robot", "-n", "robots")
    embedded.kubectl("apply", "-n", "robots", "-f", "-", stdin=SECRET)
    embedded.kubectl("wait", "secret/robot-token", "-n", "robots", "--for=jsonpath={.data.token}", "--timeout=30s")
    data = embedded.get("secret", "robot-token", "-n", "robots")["data"]
    assert base64.b64decode(data["namespace"]) == b"robots" and b"CERTIFICATE" in base64.b64decode(data["ca.crt"])
    token = base64.b64decode(data["token"]).decode()
    shown = embedded.kubectl("config", "view", "--raw", "--minify", "-o", "json")
    cluster = json.loads(shown.stdout)["clusters"][0]["cluster"]
    authority = embedded.data / "robot-ca.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    as_robot = (
        "--kubeconfig=/dev/null", f"--server={cluster['server']}", f"--certificate-authority={authority}",
        f"--token={token}",
    )  # fmt: skip
    told = embedded.kubectl("auth", "whoami", "-o", "json", *as_robot)
    assert json.loads(told.stdout)["status"]["userInfo"]["username"] == "system:serviceaccount:robots:robot"
    labels = embedded.get("secret", "robot-token", "-n", "robots")["metadata"]["labels"]
    assert "kubernetes.io/legacy-token-last-used" in labels
    embedded.kubectl("delete", "serviceaccount", "robot", "-n", "robots")
    embedded.kubectl("wait", "secret/robot-token", "-n", "robots", "--for=delete", "--timeout=30s")
    embedded.kubectl("delete", "namespace", "robots", "--wait=false")
