import asyncio

import pytest

from hyperpy.runtime.cri import CriRuntime
from hyperpy.runtime.cri.connection import socket_path
from hyperpy.runtime.cri.probe import why_not
from hyperpy.runtime.protocol import RuntimeUnavailable


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        pytest.param("unix:///no/such.sock", "no CRI runtime at /no/such.sock", id="no socket"),
        pytest.param("tcp://127.0.0.1:1", "is no unix socket", id="tcp"),
        pytest.param("run/x.sock", "is no unix socket", id="relative"),
    ],
)
async def test_an_endpoint_that_cannot_be_used_is_told(endpoint, message):
    with pytest.raises(RuntimeUnavailable, match=message):
        await CriRuntime(endpoint=endpoint, scope="here").start()


def test_a_path_is_an_endpoint_too(tmp_path):
    (tmp_path / "x.sock").touch()
    assert socket_path(str(tmp_path / "x.sock")) == socket_path(f"unix://{tmp_path}/x.sock")


async def test_what_is_no_grpc_server_is_told(tmp_path):
    async def hang_up(reader, writer):
        writer.close()
        await writer.wait_closed()

    path = tmp_path / "x.sock"
    async with await asyncio.start_unix_server(hang_up, path):
        with pytest.raises(RuntimeUnavailable, match="does not answer"):
            await CriRuntime(endpoint=str(path), scope="here").start()


async def test_asking_beside_a_running_loop_says_why_not():
    assert "no such socket" in why_not("unix:///no/such.sock")
