"""The client's side of the streams, against bytes of a server."""

import asyncio
import json
import struct

import pytest

from hyperpy.runtime.cri import spdy, streams
from hyperpy.runtime.protocol import Output, RuntimeFailure

SUCCESS = json.dumps({"status": "Success"}).encode()
EXIT_7 = json.dumps(
    {
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
    }
).encode()
NOT_FOUND = json.dumps({"status": "Failure", "message": 'exec: "x": executable file not found in $PATH'}).encode()


def data(stream: int, body: bytes, *, flags: int = 0) -> bytes:
    return struct.pack(">II", stream, flags << 24 | len(body)) + body


def control(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, len(body)) + body


class Server:
    """Answers an upgrade with given bytes, and keeps what the client sends."""

    def __init__(self, answer: bytes, *, status: str = "101 Switching Protocols") -> None:
        self.answer, self.status = answer, status
        self.received = b""
        self.ended = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/exec/token"
        return self

    async def __aexit__(self, *_):
        async with asyncio.timeout(5):
            await self.ended.wait()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode() + self.answer)
        writer.write_eof()
        self.received = await reader.read()
        writer.close()
        await writer.wait_closed()
        self.ended.set()


async def outputs(process) -> list[Output]:
    found = []
    async with asyncio.timeout(5):
        while (output := await process.read()) is not None:
            found.append(output)
    return found


# Streams are opened in order: error 1, stdout 3, stderr 5.
@pytest.mark.parametrize(
    ("answer", "expected", "code"),
    [
        pytest.param(
            data(3, b"a") + data(5, b"b") + data(1, SUCCESS), [Output(1, b"a"), Output(2, b"b")], 0, id="both"
        ),
        pytest.param(data(3, b"", flags=1) + data(1, EXIT_7, flags=1), [], 7, id="exit code"),
        pytest.param(
            data(1, NOT_FOUND), [Output(2, json.loads(NOT_FOUND)["message"].encode() + b"\n")], 127, id="none"
        ),
        pytest.param(data(3, b"a") + control(3, struct.pack(">II", 1, 5)), None, 126, id="broken off"),
    ],
)
async def test_what_the_server_sends_is_output_and_an_exit_code(answer, expected, code):
    async with Server(answer) as server:
        process = await streams.connect(server.url, tty=False, stdin=False)
        found = await outputs(process)
        ended = await process.wait()
        await process.aclose()
    assert expected is None or found == expected
    assert ended == code


async def test_a_ping_is_answered():
    ping = control(6, struct.pack(">I", 2))
    async with Server(ping + data(1, SUCCESS)) as server:
        process = await streams.connect(server.url, tty=False, stdin=False)
        await outputs(process)
        await process.aclose()
    assert server.received.endswith(ping)


async def test_input_ends_while_the_output_stays_open():
    async with Server(data(1, SUCCESS)) as server:
        process = await streams.connect(server.url, tty=False, stdin=True)
        await process.write(b"hello")
        await process.close_stdin()
        await outputs(process)
        await process.aclose()
    # Here stdin is the second stream.
    assert server.received.endswith(data(3, b"hello") + data(3, b"", flags=1))


async def test_a_reader_cancelled_in_the_middle_of_a_frame_loses_nothing():
    reader = asyncio.StreamReader()
    frame = data(3, b"whole")
    reader.feed_data(frame[:10])

    class Sink:
        def write(self, _):
            pass

    client = spdy.Streams(reader, Sink(), ["error", "stdout"])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.read()
    reader.feed_data(frame[10:])
    assert await client.read() == spdy.Part("stdout", b"whole", False)


async def test_a_refused_upgrade_tells_the_servers_words():
    async with Server(b"no such token", status="404 Not Found") as server:
        with pytest.raises(RuntimeFailure, match="no such token"):
            await streams.connect(server.url, tty=False, stdin=False)
