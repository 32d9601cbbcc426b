"""Starts Debian's PostgreSQL in a directory of its own, for tests to talk to."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.real_etcd import free_port

USER = "keeper"
PASSWORD = "s3cret/with:odd@signs"
_QUOTED = "s3cret%2Fwith%3Aodd%40signs"
_SETTINGS = (
    "fsync=off",  # nothing here outlives the machine
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=100",
    "log_min_messages=warning",
)


class Postgres:
    """A PostgreSQL server. Its administrator comes by the socket without a password, others over TCP with one."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self._numbers = itertools.count(1)

    def create_database(self) -> str:
        """A new empty database; returns the address that a store is opened with."""
        name = f"store{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {USER} STRATEGY wal_log")
        return self.address(name)

    def address(self, database: str, *, user: str = USER, password: str = _QUOTED) -> str:
        """The address of a database over TCP."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def socket_address(self, database: str) -> str:
        """The address of a database by the socket, for the administrator."""
        return f"postgresql://postgres@/{database}?host={self.directory}&port={self.port}"

    def sql(self, text: str, *, database: str = "postgres") -> str:
        """Run a statement as the administrator; returns what it prints, one row a line."""
        command = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory)]
        command += ["-p", str(self.port), "-U", "postgres", "-d", database, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def cut_connections(self, address: str) -> int:
        """End every connection to the database of an address; returns how many there were."""
        name = database_of(address)
        ended = self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        return len(ended.split())

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.directory}"
        options += "".join(f" -c {setting}" for setting in _SETTINGS)
        log = str(self.directory / "log")
        _run("pg_ctl", "-D", str(self.directory / "data"), "-w", "-s", "-l", log, "-o", options, "start")

    def stop(self, *, mode: str = "fast") -> None:
        """`mode` as pg_ctl has it; "immediate" is like a crash."""
        _run("pg_ctl", "-D", str(self.directory / "data"), "-w", "-s", "-m", mode, "stop")


def database_of(address: str) -> str:
    """The name of the database in an address."""
    return address.split("?")[0].rsplit("/", 1)[1]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server on a free port of 127.0.0.1. It does not run as root, so its directory is not pytest's."""
    directory = Path(tempfile.mkdtemp(prefix="hyperpy-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        _run("initdb", "-D", str(directory / "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (directory / "data" / "pg_hba.conf").write_text(rules)
        server = Postgres(directory, free_port())
        server.start()
        try:
            server.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.stop(mode="immediate")
    finally:
        shutil.rmtree(directory)


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    command = [str(_programs() / program), *arguments]
    output = tempfile.TemporaryFile()  # a pipe would be held open by the server
    done = subprocess.run(command, stdout=output, stderr=output, timeout=60, check=False, cwd="/", **user)
    output.seek(0)
    assert done.returncode == 0, output.read().decode()


def _programs() -> Path:
    """Debian keeps them out of the path, one directory a version."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert versions, "PostgreSQL is not installed; run the tests by tests/with-system"
    return versions[-1]
