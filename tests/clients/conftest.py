"""One cluster for all client programs, and a namespace for each test."""

import os

import pytest
from e2e.clusters import running


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A whole cluster on the embedded runtime, with the image of hyperpy."""
    with running(tmp_path_factory.mktemp("clients") / "cluster", "embedded") as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster):
    """A namespace of the test's own, deleted at the end."""
    name = f"t-{os.urandom(4).hex()}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", check=False)
