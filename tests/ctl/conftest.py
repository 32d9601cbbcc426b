"""A canned API server, and an environment without any kubeconfig."""

import pytest
from client.canned import serving


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server that knows nothing yet."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HYPERPY_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving() as running:
        yield running
