"""Objects made up from the schemas, as a fixture."""

from collections.abc import Callable
from typing import Any

import pytest
import schema_objects
from hypothesis import strategies as st

from hyperpy.api.kinds import Kind


@pytest.fixture(scope="session")
def objects_of() -> Callable[[Kind], st.SearchStrategy[dict[str, Any]]]:
    """A strategy for objects of a kind that decode, or nearly."""
    return schema_objects.objects_of
