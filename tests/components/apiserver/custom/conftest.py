"""What the tests of custom kinds share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def crds() -> ModuleType:
    """Definitions and objects to make."""
    spec = importlib.util.spec_from_file_location("crds", Path(__file__).with_name("crds.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
