"""Answers as bytes on a connection: heads, lengths, pieces, what each version and method of HTTP gets."""

import asyncio
import gzip

import pytest

from hyperpy.api.wire import CHUNK, Pieces, Response
from hyperpy.components.apiserver.http.listener import Listener, bind
from hyperpy.components.apiserver.http.sending import Heads

ITEMS = [b"a" * 1000, b"b" * CHUNK, b"c" * 3 * CHUNK, b"d"]
BODY = b"[" + b",".join(ITEMS) + b"]"


@pytest.fixture
async def ask():
    """Serves one answer and returns what comes over the connection for a request."""
    answer = Response(200)

    async def handler(request, *, certificate_user, headers):
        return answer

    served = Listener(handler, tls=None, max_body_bytes=1000)
    sock = bind("127.0.0.1", 0)
    await served.start(sock)

    async def ask(response, request):
        nonlocal answer
        answer = response
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(request.replace(b"\n", b"\r\n") + b"\r\n\r\n")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"Connection: keep-alive" in head:
                return head, await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))
            return head, await reader.read()
        finally:
            writer.close()

    yield ask
    await served.stop(1)


GET = b"GET / HTTP/1.1\nHost: x\nConnection: close"


async def test_pieces_arrive_whole_and_with_their_length(ask):
    head, body = await ask(Response(200, Pieces(b"[", ITEMS, b"]")), GET)
    assert body == BODY
    assert b"\r\nContent-Length: %d" % len(body) in head


async def test_pieces_are_packed_for_those_who_ask(ask):
    head, body = await ask(Response(200, Pieces(b"[", ITEMS, b"]")), GET + b"\nAccept-Encoding: gzip")
    assert gzip.decompress(body) == BODY
    assert b"\r\nContent-Encoding: gzip\r\n" in head


@pytest.mark.parametrize("body", [b"four", Pieces(b"f", [b"o"], b"ur")], ids=["bytes", "pieces"])
async def test_a_head_request_is_told_the_length_only(ask, body):
    head, sent = await ask(Response(200, body), b"HEAD / HTTP/1.1\nHost: x\nConnection: close")
    assert (sent, b"\r\nContent-Length: 4" in head) == (b"", True)


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_may_have_no_body_tells_no_length(ask, status):
    head, body = await ask(Response(status), GET)
    assert (body, b"Content-Length" in head) == (b"", False)


@pytest.mark.parametrize(
    ("request_head", "connection"),
    [
        (GET, b"close"),
        (b"GET / HTTP/1.0\nConnection: keep-alive", b"keep-alive"),
        (b"GET / HTTP/1.0", b"close"),
    ],
)
async def test_the_connection_is_kept_as_the_client_asked(ask, request_head, connection):
    head, _ = await ask(Response(200, b"x"), request_head)
    assert b"\r\nConnection: %b\r\n" % connection in head


async def test_a_stream_to_an_old_client_is_ended_by_the_end_of_the_connection(ask):
    async def stream():
        yield b"one\n"
        yield b"two\n"

    head, body = await ask(Response(200, stream()), b"GET / HTTP/1.0\nConnection: keep-alive")
    assert (body, b"chunked" in head) == (b"one\ntwo\n", False)


def test_own_headers_win_over_those_of_every_answer():
    heads = Heads({"X-All": "1"})
    own = heads.head(Response(200, headers={"Cache-Control": "public", "X-Own": "2"}))
    assert own == (
        b"HTTP/1.1 200 OK\r\nCache-Control: public\r\nX-All: 1\r\nContent-Type: application/json\r\nX-Own: 2\r\n"
    )
    assert heads.head(Response(200)).startswith(b"HTTP/1.1 200 OK\r\nCache-Control: no-cache, private\r\nX-All: 1\r\n")


def test_a_header_with_a_line_break_is_not_sent():
    with pytest.raises(ValueError, match="line break"):
        Heads({}).head(Response(200, headers={"Warning": "a\r\nSet-Cookie: b"}))


async def test_pieces_read_as_a_stream_give_the_same_bytes():
    for items in (ITEMS, ITEMS[:3], ITEMS[:1], [b""], []):
        whole = bytes(Pieces(b"[", items, b"]"))
        assert b"".join([chunk async for chunk in Pieces(b"[", items, b"]")]) == whole == b"[%b]" % b",".join(items)
        assert len(Pieces(b"[", items, b"]")) == len(whole)
