"""HTTP on the wire: requests in, whole bodies and streams out."""

import asyncio
import gzip

import aiohttp
import pytest

from hyperpy.api import errors
from hyperpy.api.wire import Response
from hyperpy.components.apiserver.http import listener
from hyperpy.components.apiserver.http.cors import Cors
from hyperpy.components.apiserver.http.listener import GZIP_FROM_BYTES, Listener, bind


class Answers:
    """Notes requests and gives what it was told."""

    def __init__(self):
        self.requests = []
        self.response = Response(200, b"{}")
        self.closed = asyncio.Event()
        self.more = asyncio.Queue()
        self.reads_body = True
        self.work = None

    async def __call__(self, request, *, certificate_user, headers):
        self.requests.append(request)
        if self.reads_body and request.read_body is not None:
            try:
                request.body = await request.read_body()
            except errors.StatusError as error:
                return Response(error.code, str(error).encode())
        if self.work is not None:
            await self.work()
        return self.response

    async def stream(self):
        try:
            while chunk := await self.more.get():
                yield chunk
        finally:
            self.closed.set()


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
async def served(answers):
    served = Listener(answers, tls=None, max_body_bytes=1000)
    sock = bind("127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    await served.start(sock)
    yield served
    async with asyncio.timeout(5):
        await served.stop(1)


@pytest.fixture
async def session(served):
    async with aiohttp.ClientSession(served.url) as session:
        yield session


async def test_a_request_arrives_as_plain_values(answers, session):
    url = aiohttp.client.URL("/api/v1/a%20b?x=1&x=2&empty=&s=a%3Db+c", encoded=True)
    async with session.patch(url, data=b"body", headers={"Content-Type": "application/json", "X-Y": "z"}) as answer:
        assert answer.status == 200
    (request,) = answers.requests
    assert (request.method, request.path, request.body) == ("PATCH", "/api/v1/a b", b"body")
    assert request.query == {"x": ("1", "2"), "empty": ("",), "s": ("a=b c",)}
    assert request.headers["content-type"] == "application/json"
    assert request.headers.get("x-y") == "z"


async def test_an_answer_leaves_with_its_headers(answers, session):
    answers.response = Response(404, b"no", "text/plain", {"Warning": '299 - "w"'})
    async with session.get("/") as answer:
        assert (answer.status, await answer.read(), answer.content_type) == (404, b"no", "text/plain")
        assert answer.headers["Warning"] == '299 - "w"'
        assert answer.headers["Cache-Control"] == "no-cache, private"


async def test_a_body_that_is_too_long_is_refused(session):
    async with session.post("/", data=b"x" * 1001) as answer:
        assert (answer.status, await answer.text()) == (413, "Request entity too large: limit is 1000")


async def test_a_compressed_body_counts_as_it_unpacks(session):
    packed = gzip.compress(b"x" * 100_000)
    async with session.post("/", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status == 413


async def test_a_body_is_not_read_for_who_may_not_send_it(answers, session):
    answers.reads_body = False
    answers.response = Response(403, b"no")
    async with session.post("/", data=b"x" * 500) as answer:
        assert answer.status == 403
    assert answers.requests[0].body == b""


@pytest.mark.parametrize(
    ("size", "accepts", "packed"),
    [(GZIP_FROM_BYTES, "gzip", True), (GZIP_FROM_BYTES, "identity", False), (GZIP_FROM_BYTES - 1, "gzip", False)],
)
async def test_large_bodies_are_packed_for_those_who_ask(answers, session, size, accepts, packed):
    answers.response = Response(200, b"x" * size)
    async with session.get("/", headers={"Accept-Encoding": accepts}) as answer:
        assert len(await answer.read()) == size
        assert (answer.headers.get("Content-Encoding") == "gzip") is packed


@pytest.mark.parametrize(
    ("agent", "query", "laid_out"),
    [
        pytest.param("curl/8.0", "", True, id="curl"),
        pytest.param("Mozilla/5.0 (X11)", "", True, id="browser"),
        pytest.param("kubectl/v1.34.0", "", False, id="program"),
        pytest.param("kubectl/v1.34.0", "?pretty=true", True, id="asked"),
        pytest.param("curl/8.0", "?pretty=false", False, id="declined"),
    ],
)
async def test_json_is_laid_out_for_people(answers, session, agent, query, laid_out):
    answers.response = Response(200, b'{"a":[1]}')
    async with session.get(f"/{query}", headers={"User-Agent": agent}) as answer:
        assert await answer.read() == (b'{\n  "a": [\n    1\n  ]\n}\n' if laid_out else b'{"a":[1]}')


async def test_a_stream_is_sent_chunk_by_chunk(answers, session):
    answers.response = Response(200, answers.stream())
    async with session.get("/") as answer:
        answers.more.put_nowait(b"one\n")
        assert await answer.content.readline() == b"one\n"
        answers.more.put_nowait(b"two\n")
        assert await answer.content.readline() == b"two\n"
        answers.more.put_nowait(b"")
        assert await answer.content.read() == b""
    assert answers.closed.is_set()


async def test_a_stream_is_closed_when_its_client_goes(answers, session):
    answers.response = Response(200, answers.stream())
    answer = await session.get("/")
    answer.close()
    async with asyncio.timeout(5):
        await answers.closed.wait()


async def test_a_stop_ends_streams_as_if_they_were_done(answers, served, session):
    answers.response = Response(200, answers.stream())
    async with session.get("/") as answer:
        answers.more.put_nowait(b"one\n")
        assert await answer.content.readline() == b"one\n"
        stopping = asyncio.create_task(served.stop(1))
        assert await answer.content.read() == b""
        await stopping
    assert answers.closed.is_set()


async def test_a_stop_lets_a_request_under_way_finish(answers, served, session):
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow():
        entered.set()
        await go.wait()

    answers.work = slow
    answers.response = Response(200, b"done")
    asking = asyncio.create_task(session.get("/"))
    await entered.wait()
    stopping = asyncio.create_task(served.stop(5))
    await asyncio.sleep(0)
    go.set()
    async with await asking as answer:
        assert await answer.read() == b"done"
    await stopping


async def test_a_draining_listener_answers_once_more_on_each_connection(served, session):
    async with session.get("/") as answer:
        assert "Connection" not in answer.headers
    served.drain()
    async with session.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (200, "close")


async def test_a_stopping_listener_takes_no_new_connections(served):
    await served.stop(1)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))


async def test_who_carries_a_stream_tells_its_end(answers, session):
    ended = asyncio.Event()
    answers.response = Response(200, answers.stream(), ended=ended.set)
    answer = await session.get("/")
    answer.close()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_request_tells_its_uri_and_where_it_comes_from(answers, session):
    await session.get(aiohttp.client.URL("/a%20b?x=%41", encoded=True))
    (request,) = answers.requests
    assert (request.uri(), request.peer) == ("/a%20b?x=%41", "127.0.0.1")


async def test_pages_of_allowed_origins_may_ask(answers):
    listener = Listener(
        answers, tls=None, max_body_bytes=10, cors=Cors(["^https://ui$"]), headers={"Strict-Transport-Security": "x"}
    )
    sock = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
    await listener.start(sock)
    async with aiohttp.ClientSession() as session:
        async with session.options(url, headers={"Origin": "https://ui"}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://ui")
        assert answers.requests == []
        async with session.get(url, headers={"Origin": "https://ui"}) as answer:
            assert answer.headers["Access-Control-Expose-Headers"] == "Date"
            assert answer.headers["Strict-Transport-Security"] == "x"
        answers.response = Response(200, b"{}")
        async with session.get(url, headers={"Origin": "https://other"}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
    await listener.stop(1)


async def test_what_is_not_http_is_answered_and_dropped(served):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(b"\x16\x03\x01\x00\x05hello\r\n\r\n")
    assert (await reader.read()).startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    writer.close()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_names_of_this_machine(host, local):
    assert listener._is_loopback(host) is local
