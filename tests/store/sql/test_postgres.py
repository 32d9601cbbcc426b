"""Several servers on one log in a real PostgreSQL, and what the user is told when that cannot be used."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from store.manual_clock import ManualClock
from store.reading import next_batch, next_events
from store.real_postgres import USER, Postgres, database_of

from hyperpy.store.engine.options import Options
from hyperpy.store.engine.shared import SharedEngine
from hyperpy.store.opening import open_store
from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    FutureRevision,
    Get,
    InvalidRequest,
    LeaseExists,
    LeaseNotFound,
    Op,
    Put,
    Target,
    Txn,
    Unavailable,
    Watch,
)
from hyperpy.store.sql import postgres

Opener = Callable[..., Awaitable[SharedEngine]]
EVERYTHING = (b"\0", b"\0")


@pytest.fixture
def address(postgresql: Postgres) -> str:
    return postgresql.create_database()


@pytest.fixture
async def server(address: str) -> AsyncIterator[Opener]:
    """Opens servers on the log; they are closed at the end."""
    opened: list[SharedEngine] = []

    async def start(where: str = address, **options: object) -> SharedEngine:
        opened.append(await postgres.open_store(where, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for each in opened:
        await each.aclose()


@pytest.fixture
async def pair(server: Opener) -> tuple[SharedEngine, SharedEngine]:
    return await server(), await server()


async def value_of(store: SharedEngine, key: bytes) -> bytes | None:
    found = (await store.get(Get(key))).kvs
    return found[0].value if found else None


async def increase(store: SharedEngine, key: bytes) -> bool:
    """One try to add one to a number; False when somebody else was first."""
    found = (await store.get(Get(key))).kvs
    number, revision = (int(found[0].value), found[0].mod_revision) if found else (0, 0)
    unchanged = Compare(key, Target.MOD, Op.EQUAL, revision)
    result = await store.txn(Txn((unchanged,), (Put(key, b"%d" % (number + 1)),)))
    return result.succeeded


class TestTwoServers:
    async def test_both_may_make_the_tables_at_once(self, server: Opener) -> None:
        one, other = await asyncio.gather(server(), server())
        await one.put(Put(b"/a", b"1"))
        assert await value_of(other, b"/a") == b"1"

    async def test_of_two_that_create_a_key_one_wins(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        for number in range(30):
            key = b"/k%d" % number
            absent = Compare(key, Target.VERSION, Op.EQUAL, 0)
            results = await asyncio.gather(
                *(store.txn(Txn((absent,), (Put(key, name),))) for store, name in zip(pair, (b"a", b"b"), strict=True))
            )
            assert sorted(result.succeeded for result in results) == [False, True]
            winner = b"a" if results[0].succeeded else b"b"
            assert [await value_of(store, key) for store in pair] == [winner, winner]

    async def test_what_one_has_answered_the_other_reads(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        for number in range(60):
            writer, reader = pair if number % 2 else pair[::-1]
            put = await writer.put(Put(b"/a", b"%d" % number))
            if number % 3 == 0:
                assert await reader.revision() == put.revision
            assert await value_of(reader, b"/a") == b"%d" % number
            assert reader.recent(b"/", b"0", after=put.revision - 1).events[0].kv.value == b"%d" % number

    async def test_a_refusal_is_never_given_on_an_old_state(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        one, other = pair
        for number in range(20):
            key = b"/k%d" % number
            put = await one.put(Put(key, b"1"))
            same = Compare(key, Target.MOD, Op.EQUAL, put.revision)
            assert (await other.txn(Txn((same,), (Put(key, b"2"),)))).succeeded
            past = await one.txn(Txn(success=(Get(key, revision=put.revision),)))
            assert past.responses[0].kvs[0].value == b"1"

    async def test_counters_lose_nothing_and_watches_of_both_tell_the_same(
        self, pair: tuple[SharedEngine, SharedEngine]
    ) -> None:
        watches = [await store.watch(*EVERYTHING) for store in pair]
        done = 0

        async def work(store: SharedEngine, key: bytes) -> None:
            nonlocal done
            for _ in range(25):
                if await increase(store, key):
                    done += 1

        await asyncio.gather(*(work(store, b"/n%d" % key) for store in pair for key in (1, 2) for _ in range(3)))
        total = sum([int(await value_of(pair[0], b"/n%d" % key) or 0) for key in (1, 2)])
        assert total == done > 50
        one, other = [await next_events(watch, done) for watch in watches]
        assert [(event.kv.mod_revision, event.kv.value) for event in one] == [
            (event.kv.mod_revision, event.kv.value) for event in other
        ]
        assert [event.kv.mod_revision for event in one] == list(range(2, done + 2))

    async def test_a_watch_tells_of_the_others_changes_with_what_was_there(
        self, pair: tuple[SharedEngine, SharedEngine]
    ) -> None:
        one, other = pair
        watch = await other.watch(b"/", b"0", prev_kv=True)
        for value in (b"1", b"2"):
            await one.put(Put(b"/a", value))
        await one.txn(Txn(success=(Put(b"/b", b"x"), Put(b"/c", b"y"))))
        events = await next_events(watch, 4)
        assert [(event.kv.key, event.kv.value) for event in events] == [
            (b"/a", b"1"),
            (b"/a", b"2"),
            (b"/b", b"x"),
            (b"/c", b"y"),
        ]
        assert [event.prev and event.prev.value for event in events] == [None, b"1", None, None]
        assert events[2].kv.mod_revision == events[3].kv.mod_revision
        await watch.aclose()

    async def test_a_watch_from_now_on_begins_after_what_was_answered(
        self, pair: tuple[SharedEngine, SharedEngine]
    ) -> None:
        one, other = pair
        await one.put(Put(b"/a", b"before"))
        watch = await other.watch(b"/a")
        await one.put(Put(b"/a", b"after"))
        assert [event.kv.value for event in await next_events(watch, 1)] == [b"after"]

    async def test_a_stamp_is_the_revision_that_the_change_got(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        async def put(store: SharedEngine, key: bytes) -> None:
            for _ in range(10):
                result = await store.put(Put(key, b'{"at":""}', stamp=7))
                assert await value_of(store, key) == b'{"at":"%d"}' % result.revision

        await asyncio.gather(*(put(store, b"/%d" % number) for number, store in enumerate(pair * 3)))

    async def test_a_write_far_behind_is_shown_many_foreign_ones_at_once(self, server: Opener) -> None:
        one = await server()
        other = await server()
        await asyncio.gather(*(one.put(Put(b"/%d" % number, b"x")) for number in range(2500)))
        result = await other.put(Put(b"/mine", b"y"))
        assert result.revision == await one.revision() == 2502
        assert (await other.get(Get(b"/", b"0", count_only=True))).count == 2501

    async def test_a_third_that_comes_later_has_it_all(self, pair: tuple[SharedEngine, SharedEngine], server: Opener):
        await asyncio.gather(*(store.put(Put(b"/%d" % n, b"x")) for n, store in enumerate(pair * 5)))
        third = await server()
        assert (await third.get(Get(b"/", b"0", count_only=True))).count == 10
        watch = await third.watch(*EVERYTHING, start_revision=2)
        assert len(await next_events(watch, 10)) == 10


class TestLeases:
    async def test_a_lease_is_known_to_all(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        one, other = pair
        lease = await one.lease_grant(60)
        await other.put(Put(b"/a", b"1", lease=lease.id))
        assert (await other.lease_info(lease.id, keys=True)).keys == [b"/a"]
        with pytest.raises(LeaseExists):
            await other.lease_grant(60, lease_id=lease.id)
        await one.lease_revoke(lease.id)
        assert await value_of(other, b"/a") is None
        assert await other.leases() == []
        with pytest.raises(LeaseNotFound):
            await other.put(Put(b"/a", b"1", lease=lease.id))
        with pytest.raises(LeaseNotFound):
            await other.lease_keep_alive(lease.id)

    async def test_only_the_databases_clock_ends_a_lease(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        clock = ManualClock()
        one, other = await server(clock=clock), await server()
        watch = await other.watch(b"/a")
        lease = await one.lease_grant(100)
        await one.put(Put(b"/a", b"1", lease=lease.id))
        await next_events(watch, 1)
        clock.advance(101)
        await one.put(Put(b"/b", b"1"))  # behind the end that was asked for
        assert (await one.lease_info(lease.id)).remaining_s > 90
        postgresql.sql("UPDATE deadlines SET ends = now() - interval '1 second'", database=database_of(address))
        clock.advance(101)
        (event,) = await next_events(watch, 1)
        assert event.type.value == "DELETE"
        assert await one.leases() == await other.leases() == []

    async def test_a_lease_kept_alive_elsewhere_goes_on(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        clock = ManualClock()
        one, other = await server(clock=clock), await server()
        lease = await one.lease_grant(100)
        postgresql.sql("UPDATE deadlines SET ends = now() + interval '3 seconds'", database=database_of(address))
        assert (await one.lease_info(lease.id)).remaining_s <= 3
        assert (await other.lease_keep_alive(lease.id)).remaining_s == 100
        clock.advance(101)
        assert (await one.lease_info(lease.id)).remaining_s > 90
        assert await one.leases() == [lease.id]

    async def test_both_that_think_it_over_end_it_once(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        clock = ManualClock()
        one, other = await server(clock=clock), await server(clock=clock)
        lease = await one.lease_grant(100)
        put = await other.put(Put(b"/a", b"1", lease=lease.id))
        await one.revision()
        postgresql.sql("UPDATE deadlines SET ends = now()", database=database_of(address))
        clock.advance(102)
        await asyncio.gather(one.put(Put(b"/b", b"1")), other.put(Put(b"/b", b"2")))
        assert await one.revision() == await other.revision() == put.revision + 3

    async def test_the_start_of_a_server_renews_nothing(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        one = await server()
        lease = await one.lease_grant(100)
        postgresql.sql("UPDATE deadlines SET ends = now() + interval '40 seconds'", database=database_of(address))
        clock = ManualClock()
        later = await server(clock=clock)
        assert 30 < (await later.lease_info(lease.id)).remaining_s <= 40


class TestCompaction:
    async def test_a_floor_is_everybodys(self, pair: tuple[SharedEngine, SharedEngine]) -> None:
        one, other = pair
        for value in (b"1", b"2", b"3"):
            put = await one.put(Put(b"/a", value))
        await one.compact(put.revision)
        with pytest.raises(Compacted):
            await other.compact(put.revision)
        with pytest.raises(Compacted):
            await other.get(Get(b"/a", revision=put.revision - 1))
        assert (await other.get(Get(b"/a", revision=put.revision))).kvs[0].value == b"3"
        with pytest.raises(FutureRevision):
            await other.compact(put.revision + 1)

    async def test_rows_leave_the_table_and_history_above_the_floor_stays(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        small = Options(window_events=10)
        one, other = await server(options=small), await server(options=small)
        for number in range(250):
            await one.put(Put(b"/%d" % (number % 5), b"%d" % number))
        await other.compact(200)
        await swept(postgresql, address)
        rows = int(postgresql.sql("SELECT count(*) FROM changes", database=database_of(address)))
        assert rows == 52 + 4  # those above the floor, and what the others of five keys had at it
        for store in (one, other):
            assert (await store.get(Get(b"/", b"0", revision=210))).count == 5
            watch = await store.watch(*EVERYTHING, start_revision=200)
            assert (await next_events(watch, 52))[0].kv.mod_revision == 200
            await watch.aclose()

    async def test_a_server_that_was_away_for_too_long_reads_everything_anew(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        name = database_of(address)
        user = f"away_{name}"
        postgresql.sql(f"CREATE ROLE {user} LOGIN PASSWORD 'x' IN ROLE {USER}")
        one = await server()
        other = await server(postgresql.address(name, user=user, password="x"))
        lease = await one.lease_grant(60)
        await one.put(Put(b"/gone", b"1"))
        await one.put(Put(b"/stays", b"1", lease=lease.id))
        await other.revision()
        watch = await other.watch(*EVERYTHING)
        postgresql.sql(f"ALTER ROLE {user} NOLOGIN")
        postgresql.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'")
        with pytest.raises(Unavailable):
            await other.get(Get(b"/stays"))
        for number in range(5):
            await one.put(Put(b"/stays", b"%d" % number))
        await one.delete(DeleteRange(b"/gone"))
        new = await one.lease_grant(60)
        await one.lease_revoke(lease.id)
        last = await one.put(Put(b"/new", b"1", lease=new.id))
        await one.compact(last.revision)
        await swept(postgresql, address)
        postgresql.sql(f"ALTER ROLE {user} LOGIN")
        with pytest.raises(Compacted):
            while True:
                await next_batch(watch)
        assert [pair.key for pair in (await other.get(Get(*EVERYTHING))).kvs] == [b"/new", b"/stays"]
        assert await other.leases() == [new.id]
        assert (await other.put(Put(b"/new", b"2"))).revision == last.revision + 1
        assert await value_of(one, b"/new") == b"2"


async def swept(postgresql: Postgres, address: str) -> None:
    """Wait until the sweep has reached the floor."""
    query = "SELECT count(DISTINCT number) FROM meta WHERE name IN ('floor', 'swept')"
    async with asyncio.timeout(20):
        while postgresql.sql(query, database=database_of(address)) != "1":
            await asyncio.sleep(0.01)


class Load:
    """Writers that note what was acknowledged, and go on after failures."""

    def __init__(self, stores: tuple[SharedEngine, ...]) -> None:
        self.stores = stores
        self.acknowledged: dict[bytes, int] = {}
        self.failures: list[str] = []
        self.stopping = False

    async def write(self, number: int) -> None:
        store, key, value = self.stores[number % len(self.stores)], b"/w%d" % number, 0
        while not self.stopping:
            value += 1
            try:
                await store.put(Put(key, b"%d" % value))
            except Unavailable as error:
                self.failures.append(str(error))
                await asyncio.sleep(0.01)
            else:
                self.acknowledged[key] = value

    async def progress(self) -> None:
        """Wait until every writer has had an answer again."""
        before = dict(self.acknowledged)
        async with asyncio.timeout(30):
            while len(self.acknowledged) < 8 or any(self.acknowledged[key] <= before.get(key, 0) for key in before):
                await asyncio.sleep(0.01)


async def keep_up(watch: Watch, seen: dict[bytes, list[int]], done: asyncio.Event) -> None:
    async for batch in watch:
        for event in batch.events:
            if event.kv.key == b"/end":
                done.set()
            else:
                seen.setdefault(event.kv.key, []).append(int(event.kv.value))


class TestBrokenConnections:
    @pytest.mark.parametrize("how", ["connections cut", "restarted", "crashed"])
    async def test_nothing_acknowledged_is_lost_and_watches_have_no_gap(
        self, pair: tuple[SharedEngine, SharedEngine], server: Opener, postgresql: Postgres, address: str, how: str
    ) -> None:
        load = Load(pair)
        seen: list[dict[bytes, list[int]]] = [{}, {}]
        ends = [asyncio.Event(), asyncio.Event()]
        async with asyncio.TaskGroup() as group:
            watches = [await store.watch(*EVERYTHING) for store in pair]
            writers = [group.create_task(load.write(number)) for number in range(8)]
            readers = [group.create_task(keep_up(*each)) for each in zip(watches, seen, ends, strict=True)]
            for _ in range(2):
                await load.progress()
                if how == "connections cut":
                    assert await asyncio.to_thread(postgresql.cut_connections, address)
                else:
                    await asyncio.to_thread(postgresql.stop, mode="fast" if how == "restarted" else "immediate")
                    await asyncio.to_thread(postgresql.start)
                await load.progress()
            load.stopping = True
            await asyncio.gather(*writers)
            await pair[0].put(Put(b"/end", b""))
            async with asyncio.timeout(20):
                await asyncio.gather(*(end.wait() for end in ends))
            for watch in watches:
                await watch.aclose()
            await asyncio.gather(*readers)
        assert load.failures and all("\n" not in failure for failure in load.failures)
        late = await server()
        for key, value in load.acknowledged.items():
            for store in (*pair, late):
                assert int(await value_of(store, key) or 0) in (value, value + 1)
            # Each change once and in order; one whose answer was lost may be there or not.
            assert seen[0][key] == seen[1][key] == sorted(set(seen[0][key]))
        assert (await pair[0].get(Get(*EVERYTHING))).kvs == (await late.get(Get(*EVERYTHING))).kvs

    async def test_while_the_database_is_away_reads_and_writes_say_so(
        self, server: Opener, postgresql: Postgres
    ) -> None:
        store = await server()
        await store.put(Put(b"/a", b"1"))
        postgresql.stop()
        try:
            for call in (store.get(Get(b"/a")), store.put(Put(b"/a", b"2")), store.revision(), store.lease_grant(5)):
                with pytest.raises(Unavailable, match="the server cannot be reached|shutting down|connection was lost"):
                    await call
        finally:
            postgresql.start()
        assert await value_of(store, b"/a") == b"1"
        await store.put(Put(b"/a", b"2"))

    async def test_a_start_waits_for_a_server_that_is_not_there_yet(
        self, server: Opener, postgresql: Postgres, caplog: pytest.LogCaptureFixture
    ) -> None:
        postgresql.stop()
        try:
            opening = asyncio.create_task(server(wait_s=30.0))
            async with asyncio.timeout(10):
                while "waiting up to 30 s for it" not in caplog.text:
                    await asyncio.sleep(0.01)
        finally:
            await asyncio.to_thread(postgresql.start)
        await (await opening).put(Put(b"/a", b"1"))

    async def test_the_kernel_looks_after_silent_connections(self, server: Opener, postgresql: Postgres) -> None:
        store = await server()
        await store.put(Put(b"/a", b"1"))
        await store.revision()
        mine = f"pid={os.getpid()},"
        shown = subprocess.run(
            ["ss", "-Htnpo", f"dport = :{postgresql.port}"], capture_output=True, text=True, check=True
        )
        ours = [line for line in shown.stdout.splitlines() if mine in line and "ESTAB" in line]
        assert ours and all("timer:(keepalive" in line for line in ours)

    async def test_a_reader_that_gives_up_disturbs_no_other(self, server: Opener) -> None:
        store = await server()
        reads = [asyncio.create_task(store.get(Get(b"/a"))) for _ in range(10)]
        await asyncio.sleep(0)
        for read in reads[::2]:
            read.cancel()
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 5


class TestRefusals:
    async def test_a_wrong_password_is_told_and_not_shown(self, postgresql: Postgres, address: str) -> None:
        with pytest.raises(Unavailable, match="wrong password") as refused:
            await open_store(postgresql.address(database_of(address), password="hunter2"))
        assert "hunter2" not in str(refused.value) and "\n" not in str(refused.value)

    async def test_what_the_address_says_of_tls_is_heeded(self, address: str) -> None:
        with pytest.raises(Unavailable, match="no TLS with this server.*rejected SSL"):
            await open_store(f"{address}?sslmode=require")
        with pytest.raises(Unavailable, match="a file of the address cannot be used.*sslrootcert"):
            await open_store(f"{address}?sslmode=verify-full&sslrootcert=/nowhere.pem")
        with pytest.raises(Unavailable, match="the address cannot be used .*sslmode"):
            await open_store(f"{address}?sslmode=sometimes")

    async def test_a_database_that_is_not_there(self, postgresql: Postgres) -> None:
        with pytest.raises(Unavailable, match="there is no such database; create it first"):
            await open_store(postgresql.address("nowhere"))

    async def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(Unavailable, match=r"postgresql://me@127.0.0.1:1/db: the server cannot be reached"):
            await open_store("postgresql://me:secret@127.0.0.1:1/db")

    async def test_a_server_that_takes_no_writes(self, postgresql: Postgres, address: str) -> None:
        name = database_of(address)
        postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        with pytest.raises(Unavailable, match="takes no writes, as a standby does; give the address of the primary"):
            await open_store(address)

    async def test_a_server_that_takes_no_more_writes_and_then_does(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        store = await server()
        name = database_of(address)
        postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgresql.cut_connections(address)
        with pytest.raises(Unavailable):
            while True:  # the connection may not know yet that it is cut
                await store.put(Put(b"/a", b"1"))
        with pytest.raises(Unavailable, match="takes no writes"):
            await store.put(Put(b"/a", b"1"))
        postgresql.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await store.put(Put(b"/a", b"2"))

    async def test_a_later_version_of_the_tables(self, server: Opener, postgresql: Postgres, address: str) -> None:
        await (await server()).aclose()
        postgresql.sql("UPDATE meta SET number = 99 WHERE name = 'shared_version'", database=database_of(address))
        with pytest.raises(Unavailable, match="its shared log has version 99.*use the version that wrote it"):
            await open_store(address)

    async def test_tables_of_another_program(self, postgresql: Postgres, address: str) -> None:
        postgresql.sql("CREATE TABLE letters (id int)", database=database_of(address))
        with pytest.raises(Unavailable, match="holds the tables of another program.*another database"):
            await open_store(address)

    async def test_a_user_who_may_not_make_tables(self, postgresql: Postgres, address: str) -> None:
        postgresql.sql("CREATE ROLE guest LOGIN PASSWORD 'x'")
        with pytest.raises(Unavailable, match="make it the owner of the database or grant CREATE on its schema"):
            await open_store(postgresql.address(database_of(address), user="guest", password="x"))

    async def test_a_key_that_no_index_takes(self, server: Opener) -> None:
        store = await server()
        await store.put(Put(b"k" * 2600, b"1"))
        with pytest.raises(InvalidRequest, match="2601 bytes is too long"):
            await store.put(Put(b"k" * 2601, b"1"))

    async def test_a_log_that_was_put_back_is_not_written_to(
        self, server: Opener, postgresql: Postgres, address: str
    ) -> None:
        store = await server()
        for _ in range(3):
            await store.put(Put(b"/a", b"1"))
        name = database_of(address)
        postgresql.sql("DELETE FROM changes WHERE position = 3", database=name)
        postgresql.sql("UPDATE meta SET number = 2 WHERE name = 'position'", database=name)
        with pytest.raises(Unavailable, match="has lost changes that this server has seen"):
            await store.put(Put(b"/a", b"2"))


async def test_the_database_says_how_large_it_is(server: Opener) -> None:
    assert await (await server()).size_bytes() > 1 << 20


async def test_the_socket_is_an_address_too(server: Opener, postgresql: Postgres, address: str) -> None:
    one, other = await server(), await server(postgresql.socket_address(database_of(address)))
    await one.put(Put(b"/a", b"1"))
    assert await value_of(other, b"/a") == b"1"
