"""The JavaScript client `@kubernetes/client-node`: an informer follows a namespace, objects are made and read."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

SOURCE = Path(__file__).parent / "javascript"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The folder of the test's program with its packages installed."""
    folder = tmp_path_factory.mktemp("javascript")
    for file in SOURCE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=150)
    return folder


def test_an_informer_follows_a_namespace(cluster, namespace, program):
    process = subprocess.Popen(
        ["node", "watch.mjs", str(cluster.kubeconfig), namespace], cwd=program, stdout=subprocess.PIPE, text=True
    )
    try:

        def said():
            line = json.loads(process.stdout.readline())
            return line["type"], line["name"]

        assert {said(), said()} == {("add", "from-javascript"), ("read", "1")}
        cluster.kubectl("-n", namespace, "create", "configmap", "other")
        cluster.kubectl("-n", namespace, "label", "configmap", "other", "mine=yes")
        assert said() == ("add", "other")
        cluster.kubectl("-n", namespace, "annotate", "configmap", "other", "note=x")
        assert said() == ("update", "other")
        cluster.kubectl("-n", namespace, "label", "configmap", "other", "mine-")
        assert said() == ("delete", "other")
        cluster.kubectl("-n", namespace, "delete", "configmap", "from-javascript")
        assert said() == ("delete", "from-javascript")
    finally:
        process.kill()
        process.communicate()
