"""A program on client-go: discovery, create, watch, server-side apply, list and deletecollection."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clients import programs

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]


def test_a_client_go_program_works_on_objects(cluster, namespace):
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "client_go.py", cluster.kubeconfig, namespace],
        env={**os.environ, "PYTHONPATH": str(programs.client_go())},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert said[:4] == [
        {"created": {"a": "1"}},
        {"event": ["ADDED", "go"]},
        {"applied": {"a": "2"}},
        {"event": ["MODIFIED", {"a": "2"}]},
    ]
    assert 'configmaps "go" already exists' in said[4]["refused"]
    assert said[5:] == [{"listed": []}, {"left": []}]
