"""The same random requests to Debian's etcd and to our server: every answer is the same message, byte for byte.

Left out are who answers (ids, the term of Raft) and how much of a lease is left; revisions are compared as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grpclib.client import Channel
from grpclib.exceptions import GRPCError
from hypothesis import given, settings
from hypothesis import strategies as st
from store.real_etcd import running_etcd
from store.served import served

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import KVStub, LeaseStub, MaintenanceStub, WatchStub

Maker = Callable[[int], tuple[Any, str, Any]]  # revision -> stub, method, request

_ALL = {"key": b"\0", "range_end": b"\0"}


class Pair:
    """Two etcd servers that are asked the same; a loop of their own lives as long as they do."""

    def __init__(self, runner: asyncio.Runner, addresses: list[str]) -> None:
        self._runner = runner
        self._addresses = addresses
        self.channels: list[Channel] = []
        self.revision = 1
        self.floor = 0
        self.run(self._connect)

    def run(self, action: Callable[[], Awaitable[Any]]) -> Any:
        async def within() -> Any:
            async with asyncio.timeout(60):
                return await action()

        return self._runner.run(within())

    async def _connect(self) -> None:
        for address in self._addresses:
            host, port = address.removeprefix("http://").split(":")
            self.channels.append(Channel(host, int(port)))

    async def same(self, stub: Any, method: str, request: Any) -> Any:
        """Ask both, compare, return the answer: a message, or an error's code and text."""
        real, ours = [await _ask(getattr(stub(channel), method), request) for channel in self.channels]
        assert ours == real, f"{method} {request}"
        if isinstance(real, pb.CompactionResponse):
            self.floor = request.revision
        header = getattr(real, "header", None)
        self.revision = max(self.revision, header.revision if header is not None else 0)
        return real

    async def cleared(self) -> None:
        """No key, and two leases."""
        await self.same(KVStub, "DeleteRange", pb.DeleteRangeRequest(**_ALL))
        for lease_id in (1, 2):
            await self.same(LeaseStub, "LeaseGrant", pb.LeaseGrantRequest(TTL=600, ID=lease_id))

    async def play(self, script: Iterable[Maker]) -> None:
        for make in script:
            stub, method, request = make(self.revision)
            await self.same(stub, method, request)

    async def end(self) -> None:
        for channel in self.channels:
            channel.close()


async def _ask(method: Any, request: Any) -> Any:
    try:
        return masked(await method(request))
    except GRPCError as error:
        return error.status, error.message


def masked(response: Any) -> Any:
    """Without what tells one server from another."""
    header = response.header
    if response.HasField("header"):
        header.cluster_id = header.member_id = header.raft_term = 0
    if isinstance(response, pb.LeaseTimeToLiveResponse) and response.TTL > 0:
        response.TTL = 1
        response.keys.sort()
    if isinstance(response, pb.LeaseLeasesResponse):
        response.leases.sort(key=lambda lease: lease.ID)
    return response


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory: Path = tmp_path_factory.mktemp("pair")
    with running_etcd(directory / "etcd") as real, asyncio.Runner() as runner:
        serving = served(directory / "store.db")
        ours = runner.run(serving.__aenter__())
        pair = Pair(runner, [real, ours])
        yield pair
        pair.run(pair.end)
        runner.run(serving.__aexit__(None, None, None))


# -- requests: made of what hypothesis draws, and of the revision that the servers have by then

keys = st.sampled_from([b"a", b"a", b"a/b", b"a/b", b"a/c", b"a/c", b"b", b"b", b"c", b"\xff", b"\0", b""])
some_keys = st.sampled_from([b"a", b"a/b", b"a/c", b"b", b"c"])
ends = st.sampled_from([b"", b"", b"\0", b"a", b"b", b"a0", b"\xff"])
values = st.sampled_from([b"", b"1", b"2", b"x" * 100])
lease_ids = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 2, -5, 99])
backs = st.sampled_from([None, None, None, -1, 0, 1, 2, 5, 1000])  # behind the newest revision; None: not said


def at(revision: int, back: int | None) -> int:
    return 0 if back is None else revision - back


@st.composite
def ranges(draw: st.DrawFn, *, named: st.SearchStrategy[bytes] = keys) -> Callable[[int], pb.RangeRequest]:
    back, filters = draw(backs), {}
    for name in ("min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"):
        filters[name] = draw(st.sampled_from([None, None, None, 0, 2, 4]))
    plain = pb.RangeRequest(
        key=draw(named),
        range_end=draw(ends),
        limit=draw(st.integers(-1, 4)),
        sort_order=draw(st.integers(0, 2)),
        sort_target=draw(st.integers(0, 4)),
        serializable=draw(st.booleans()),
        keys_only=draw(st.booleans()),
        count_only=draw(st.sampled_from([False, False, True])),
    )

    def make(revision: int) -> pb.RangeRequest:
        request = pb.RangeRequest(revision=at(revision, back))
        request.MergeFrom(plain)
        for name, distance in filters.items():
            setattr(request, name, at(revision, distance))
        return request

    return make


@st.composite
def puts(draw: st.DrawFn, *, named: st.SearchStrategy[bytes] = keys) -> Callable[[int], pb.PutRequest]:
    request = pb.PutRequest(
        key=draw(named),
        value=draw(values),
        lease=draw(lease_ids),
        prev_kv=draw(st.booleans()),
        ignore_value=draw(st.integers(0, 6)) == 6,
        ignore_lease=draw(st.integers(0, 6)) == 6,
    )
    if draw(st.integers(0, 3)):  # else it is refused as often as not
        request.value = b"" if request.ignore_value else request.value
        request.lease = 0 if request.ignore_lease else request.lease
    return lambda revision: request


@st.composite
def deletes(
    draw: st.DrawFn, *, named: st.SearchStrategy[bytes] = keys, until: st.SearchStrategy[bytes] = ends
) -> Callable[[int], pb.DeleteRangeRequest]:
    request = pb.DeleteRangeRequest(key=draw(named), range_end=draw(until), prev_kv=draw(st.booleans()))
    return lambda revision: request


@st.composite
def compares(draw: st.DrawFn) -> Callable[[int], pb.Compare]:
    plain = pb.Compare(
        result=draw(st.integers(0, 3)), target=draw(st.integers(0, 4)), key=draw(keys), range_end=draw(ends)
    )
    back, number, value = draw(backs), draw(st.integers(-1, 3)), draw(values)

    def make(revision: int) -> pb.Compare:
        compare = pb.Compare()
        compare.MergeFrom(plain)
        if plain.target == pb.Compare.VERSION:
            compare.version = number
        elif plain.target == pb.Compare.CREATE:
            compare.create_revision = at(revision, back)
        elif plain.target == pb.Compare.MOD:
            compare.mod_revision = at(revision, back)
        elif plain.target == pb.Compare.VALUE:
            compare.value = value
        else:
            compare.lease = number
        return compare

    return make


@st.composite
def txns(draw: st.DrawFn, depth: int = 0) -> Callable[[int], pb.TxnRequest]:
    compare = draw(st.lists(compares(), max_size=2))
    branches = [draw(st.lists(operations(depth), max_size=3)) for _ in range(2)]

    def make(revision: int) -> pb.TxnRequest:
        success, failure = ([operation(revision) for operation in branch] for branch in branches)
        return pb.TxnRequest(compare=[one(revision) for one in compare], success=success, failure=failure)

    return make


@st.composite
def operations(draw: st.DrawFn, depth: int) -> Callable[[int], pb.RequestOp]:
    # That a put of one nested transaction meets a deletion of the next one, etcd does not see; we refuse that too.
    kinds = ["request_range", "request_put", "request_put", "request_txn" if depth else "request_delete_range"]
    kind = draw(st.sampled_from([*kinds, "request_txn"] if depth < 2 else kinds[:3]))
    if kind == "request_range":
        inner = draw(ranges(named=some_keys))
    elif kind == "request_put":
        inner = draw(puts(named=some_keys))
    elif kind == "request_delete_range":
        # That a deletion up to the end of all keys meets a put, etcd does not see; we refuse that too.
        inner = draw(deletes(named=some_keys, until=ends.filter(lambda end: end != b"\0")))
    else:
        inner = draw(txns(depth + 1))
    return lambda revision: pb.RequestOp(**{kind: inner(revision)})


_OFTEN = ["put", "put", "put", "txn", "txn", "range"]


@st.composite
def calls(draw: st.DrawFn) -> Maker:
    kind = draw(st.sampled_from([*_OFTEN, "range", "delete", "lease", "revoke", "ttl", "leases", "compact"]))
    number = draw(st.integers(0, 5))
    lease = draw(lease_ids)
    ttl = draw(st.sampled_from([-1, 0, 1, 600, 9_000_000_000, 9_000_000_001]))
    inner: Any = {"put": puts, "txn": txns, "range": ranges, "delete": deletes}.get(kind)
    made = draw(inner()) if inner is not None else None
    fixed: dict[str, tuple[Any, str, Any]] = {
        "lease": (LeaseStub, "LeaseGrant", pb.LeaseGrantRequest(TTL=max(ttl, 600), ID=lease or 1)),
        "revoke": (LeaseStub, "LeaseRevoke", pb.LeaseRevokeRequest(ID=lease)),
        "ttl": (LeaseStub, "LeaseTimeToLive", pb.LeaseTimeToLiveRequest(ID=lease, keys=bool(number % 2))),
        "leases": (LeaseStub, "LeaseLeases", pb.LeaseLeasesRequest()),
    }
    methods = {"put": "Put", "txn": "Txn", "range": "Range", "delete": "DeleteRange"}

    def make(revision: int) -> tuple[Any, str, Any]:
        if kind == "compact":
            # Below 1 there is nothing to compact, which etcd takes for something until it was done once.
            floor = max(1, revision + 1 - number)
            return KVStub, "Compact", pb.CompactionRequest(revision=floor, physical=bool(lease))
        return (KVStub, methods[kind], made(revision)) if made is not None else fixed[kind]

    return make


# -- watches


class Watching:
    """A stream of watches at one of the servers; what it said is kept by watch, events joined."""

    def __init__(self, channel: Channel, said: asyncio.Event) -> None:
        self._channel = channel
        self._said = said
        self.told: dict[int, list[Any]] = {}
        self.controls: list[pb.WatchResponse] = []

    async def run(self, requests: asyncio.Queue[pb.WatchRequest]) -> None:
        async with WatchStub(self._channel).Watch.open() as stream, asyncio.TaskGroup() as group:
            await stream.send_request()
            reader = group.create_task(self._read(stream))
            while (request := await requests.get()).WhichOneof("request_union"):
                await stream.send_message(request)
            reader.cancel()
            await stream.cancel()

    async def _read(self, stream: Any) -> None:
        async for response in stream:
            response = masked(response)
            events = list(response.events)
            if events:  # in how many messages they come is a matter of time
                assert not response.fragment or len(events) > 0
                self.told.setdefault(response.watch_id, []).extend(events)
            else:
                self.controls.append(response)
            self._said.set()


@st.composite
def watches(draw: st.DrawFn) -> Callable[[int], pb.WatchRequest]:
    # One from beyond the next revision holds our progress marks back, and etcd's not.
    back = draw(st.sampled_from([None, None, 0, 1, 3, 10, -1]))
    plain = pb.WatchCreateRequest(
        key=draw(keys),
        range_end=draw(ends),
        filters=draw(st.lists(st.integers(0, 1), max_size=2)),
        prev_kv=draw(st.booleans()),
        watch_id=draw(st.sampled_from([0, 0, 0, 7])),
        fragment=draw(st.booleans()),
        progress_notify=draw(st.booleans()),
    )

    def make(revision: int) -> pb.WatchRequest:
        create = pb.WatchCreateRequest(start_revision=max(0, at(revision, back)))
        create.MergeFrom(plain)
        return pb.WatchRequest(create_request=create)

    return make


# -- tests


@settings(max_examples=40)
@given(script=st.lists(calls(), min_size=5, max_size=30))
def test_any_requests_are_answered_as_etcd_answers_them(pair: Pair, script: list[Maker]) -> None:
    async def play() -> None:
        await pair.cleared()
        await pair.play(script)
        await pair.same(KVStub, "Range", pb.RangeRequest(**_ALL))

    pair.run(play)


@settings(max_examples=25)
@given(steps=st.lists(st.one_of(calls(), calls(), watches(), st.integers(0, 7), st.none()), min_size=5, max_size=25))
def test_any_watches_see_what_they_see_at_etcd(pair: Pair, steps: list[Any]) -> None:
    async def play() -> None:
        await pair.cleared()
        said = asyncio.Event()
        both = [Watching(channel, said) for channel in pair.channels]
        queues: list[asyncio.Queue[pb.WatchRequest]] = [asyncio.Queue() for _ in both]
        async with asyncio.TaskGroup() as group:
            for watching, queue in zip(both, queues, strict=True):
                group.create_task(watching.run(queue))
            for step in [watches_all, *steps]:
                await take(step, both, queues, said)
            await pair.same(KVStub, "Put", pb.PutRequest(key=b"last"))
            await agree(pair.floor, both, said, lambda one: one.told.get(0, []) and one.told[0][-1].kv.key == b"last")
            for queue in queues:
                await queue.put(pb.WatchRequest())

    def watches_all(revision: int) -> pb.WatchRequest:
        return pb.WatchRequest(create_request=pb.WatchCreateRequest(**_ALL))

    async def take(step: Any, both: list[Watching], queues: list[Any], said: asyncio.Event) -> None:
        if step is None:
            request: Any = pb.WatchRequest(progress_request=pb.WatchProgressRequest())
        elif isinstance(step, int):
            if step == 0 or not any(control.watch_id == step for control in both[0].controls):
                return  # an unknown id has no answer to wait for
            await agree(
                pair.floor, both, said, lambda one: True
            )  # what a watch has not told when it ends is never told
            request = pb.WatchRequest(cancel_request=pb.WatchCancelRequest(watch_id=step))
        else:
            request = step(pair.revision)
        if not isinstance(request, pb.WatchRequest):
            if request[1] != "Compact" or len(both[0].controls) == 1:  # etcd's other watches may still catch up
                await pair.same(*request)
            return
        before = len(both[0].controls)
        for queue in queues:
            await queue.put(request)
        if not isinstance(step, int):
            await agree(pair.floor, both, said, lambda one: len(one.controls) > before)

    pair.run(play)


async def agree(floor: int, both: list[Watching], said: asyncio.Event, done: Callable[[Watching], Any]) -> None:
    """Wait until both have been told the same, and enough of it.

    A deletion at the floor of a compaction is told by us and lost by etcd 3.4.
    """

    def told(one: Watching) -> dict[int, list[Any]]:
        kept = {
            n: [event for event in events if event.type == pb.Event.PUT or event.kv.mod_revision > floor]
            for n, events in one.told.items()
        }
        return {n: events for n, events in kept.items() if events}

    def same() -> bool:
        real, ours = both
        return told(real) == told(ours) and real.controls == ours.controls

    try:
        async with asyncio.timeout(5):
            while not (same() and all(done(one) for one in both)):
                said.clear()
                await said.wait()
    except TimeoutError:
        real, ours = both
        assert ours.controls == real.controls
        assert told(ours) == told(real)
        raise


@settings(max_examples=10)
@given(script=st.lists(calls(), max_size=20), back=st.integers(0, 8))
def test_the_hash_of_the_keys_is_that_of_an_etcd_with_the_same_history(
    pair: Pair, script: list[Maker], back: int
) -> None:
    async def play() -> None:
        await pair.cleared()
        for make in script:
            stub, method, request = make(pair.revision)
            if method == "Txn" and len(request.success) + len(request.failure) > 1:
                continue  # a compaction may take a part of what it wrote
            if method != "DeleteRange":
                await pair.same(stub, method, request)
        await pair.same(KVStub, "Put", pb.PutRequest(key=b"b", value=b"last"))
        await pair.same(KVStub, "DeleteRange", pb.DeleteRangeRequest(key=b"a"))
        await pair.same(MaintenanceStub, "HashKV", pb.HashKVRequest(revision=at(pair.revision, back)))
        await pair.same(KVStub, "Compact", pb.CompactionRequest(revision=pair.revision - 1, physical=True))
        await pair.same(MaintenanceStub, "HashKV", pb.HashKVRequest())

    pair.run(play)
