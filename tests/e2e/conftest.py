"""One cluster a runtime for all tests that only add to it."""

import os

import pytest
from e2e.clusters import running


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    """One cluster on the embedded runtime for all tests that only add to it."""
    with running(tmp_path_factory.mktemp("e2e") / "embedded", "embedded") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def docker(tmp_path_factory):
    """One cluster on Docker for all tests that only add to it."""
    with running(tmp_path_factory.mktemp("e2e") / "docker", "docker") as cluster:
        yield cluster


@pytest.fixture(
    params=[pytest.param("embedded", marks=pytest.mark.root), pytest.param("docker", marks=pytest.mark.docker)]
)
def cluster(request):
    """The same test on both runtimes."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def namespace(cluster):
    """A namespace of the test's own, deleted at the end."""
    name = f"t-{os.urandom(4).hex()}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", check=False)
