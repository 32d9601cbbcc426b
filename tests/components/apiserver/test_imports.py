"""What a freshly started API server has imported: not what only some clusters need."""

import signal
import subprocess
import sys

import pytest

#: Packages, and what an idle server without definitions, webhooks and policies would carry them for.
UNUSED = {
    "hyperpy.api.cel.runtime": "expressions",
    "hyperpy.api.custom.definition": "CustomResourceDefinitions",
    "hyperpy.api.custom.expressions": "CustomResourceDefinitions",
    "hyperpy.api.jsonpath": "CustomResourceDefinitions",
    "hyperpy.api.validation.admission_policies": "policies",
    "hyperpy.api.validation.certificates": "certificates",
    "hyperpy.api.validation.devices": "devices",
    "hyperpy.api.validation.extensions": "CustomResourceDefinitions",
    "hyperpy.api.validation.webhooks": "webhooks",
    "hyperpy.components.apiserver.audit.auditor": "an audit policy",
    "hyperpy.components.apiserver.audit.backend": "an audit policy",
    "hyperpy.components.apiserver.audit.policy": "an audit policy",
    "hyperpy.components.apiserver.audit.policy_file": "an audit policy",
    "hyperpy.store.engine.shared": "another store",
    "hyperpy.store.etcd.client": "another store",
    "hyperpy.store.sql.postgres": "another store",
    "hyperpy.components.kubelet": "a node",
    "aiohttp.client": "other servers",
    "asyncpg": "another store",
    "cel_expr_python": "expressions",
    "grpc": "another store",
    "jsonschema_rs": "the first object that a client writes",
    "prometheus_client": "figures that are asked for",
    "pydantic": "an audit policy",
    "pyroute2": "a node",
    "yaml": "YAML bodies",
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The names of the modules that `hyperpy apiserver` imports until it listens."""
    where = ["--data-dir", str(tmp_path_factory.mktemp("data")), "--secure-port", "0", "--bind-address", "127.0.0.1"]
    command = [sys.executable, "-X", "importtime", "-m", "hyperpy", "apiserver", *where]
    names = set()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("import time:"):
                names.add(line.rpartition("|")[2].strip())
            elif "the API server listens" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    return names


def test_a_started_server_has_imported_its_own_parts(imported):
    assert {"hyperpy.components.apiserver.server", "hyperpy.api.validation.pod", "hyperpy.store.sql.sqlite"} <= imported


@pytest.mark.parametrize("package", UNUSED)
def test_a_started_server_has_not_imported(imported, package):
    assert not [name for name in imported if name == package or name.startswith(f"{package}.")], UNUSED[package]
