"""What holds for every test: properties judge results, not the speed of the machine; some tests need root."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from store.real_postgres import Postgres, running_postgres

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests; each makes a database of its own."""
    with running_postgres() as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root, tests of namespaces, mounts and links are shown as skipped instead of failing one by one."""
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))
