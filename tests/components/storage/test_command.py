"""`hyperpy store`: what each subcommand prints, and what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store.real_postgres import Postgres
from store.sql.files import database_of, fill, opened
from typer.testing import CliRunner

from hyperpy.commands import UserError
from hyperpy.components.datadir import DataDir
from hyperpy.components.storage.command import app


def run(*words: str | Path) -> str:
    """What the command prints; its UserError is raised."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """The data directory of a cluster that was stopped."""
    with DataDir(tmp_path / "data"):
        async with opened(tmp_path / "data" / "store" / "store.db") as store:
            await fill(store)
    return tmp_path / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HYPERPY_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path / "data"


def test_a_snapshot_goes_out_and_comes_back(data: Path, tmp_path: Path, home: Path) -> None:
    told = run("snapshot", tmp_path / "file")
    assert re.fullmatch(rf"wrote {tmp_path}/file: revision 34, 9 keys, \d+ kB in \d+\.\d s\n", told)
    with pytest.raises(UserError, match="file is there already; choose another name, or overwrite it with --force"):
        run("snapshot", tmp_path / "file")
    run("snapshot", tmp_path / "file", "--force")
    told = run("restore", tmp_path / "file")
    assert f"restored {data}/store/store.db from {tmp_path}/file: 9 keys of revision 34" in told
    assert "the revision is now 1000034" in told
    kept = re.search(r"the old file is kept as (\S+);", told)
    assert kept is not None and Path(kept[1]).exists()
    assert "revision 1000034, 9 keys" in run("check")


def test_a_snapshot_is_restored_into_a_new_data_directory(data: Path, tmp_path: Path) -> None:
    run("snapshot", tmp_path / "file", "--data-dir", data)
    told = run("restore", tmp_path / "file", "--data-dir", tmp_path / "new", "--bump-revision", "5")
    assert "the revision is now 39" in told and "kept" not in told
    with DataDir(tmp_path / "new"):  # a cluster starts from it
        assert (tmp_path / "new" / "store" / "store.db").exists()


async def test_the_directory_of_an_etcd_is_found_too(tmp_path: Path) -> None:
    async with opened(tmp_path / "e.etcd" / "store.db") as store:
        await fill(store)
    run("snapshot", tmp_path / "file", "--data-dir", tmp_path / "e.etcd")
    assert f"restored {tmp_path}/e.etcd/store.db" in run(
        "restore", tmp_path / "file", "--data-dir", tmp_path / "e.etcd"
    )
    assert not (tmp_path / "e.etcd" / "VERSION").exists()


def test_a_directory_without_a_store_is_refused_by_name(tmp_path: Path) -> None:
    for command in (["snapshot", tmp_path / "file"], ["check"], ["compact"], ["status"]):
        with pytest.raises(UserError, match=f"there is no store in {tmp_path}: .*--data-dir"):
            run(*command, "--data-dir", tmp_path)


async def test_a_store_in_use_is_read_but_not_changed(data: Path, tmp_path: Path) -> None:
    async with opened(data / "store" / "store.db"):
        run("snapshot", tmp_path / "file", "--data-dir", data)
        assert "is whole: revision 34, 9 keys, 33 changes" in run("check", "--data-dir", data)
        assert f"used by:          process {os.getpid()}\n" in run("status", "--data-dir", data)
        with pytest.raises(UserError, match=rf"in use by another process \(pid {os.getpid()}\), which compacts it by"):
            run("compact", "--data-dir", data)
        with pytest.raises(UserError, match="in use by another process"):
            run("restore", tmp_path / "file", "--data-dir", data)
    with DataDir(data), pytest.raises(UserError, match="the data directory .* is in use by process"):
        run("restore", tmp_path / "file", "--data-dir", data)


def test_status_says_how_the_store_stands(data: Path) -> None:
    told = dict(line.split(":", 1) for line in run("status", "--data-dir", data).splitlines())
    said = {name: value.strip() for name, value in told.items()}
    assert said["revision"] == "34" and said["keys"] == "9" and said["schema version"] == "2"
    assert said["history from"] == "the first revision on"
    assert said["used by"] == "nobody"
    assert said["file size"].endswith(" kB")


def test_compact_says_what_it_gained(data: Path) -> None:
    told = run("compact", "--data-dir", data)
    assert re.fullmatch(r"compacted \S+ at revision 34: \d+ kB before, \d+ kB now, 9 keys\n", told)
    assert "history from:     revision 34 on" in run("status", "--data-dir", data)


def test_check_tells_each_finding_and_ends_with_1(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    run("snapshot", file, "--data-dir", data)
    assert f"{file} is whole" in run("check", file)
    with database_of(file) as database:
        database.execute("DELETE FROM leases")
    done = subprocess.run(
        [sys.executable, "-m", "hyperpy", "store", "check", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == "/k0 at revision 33 is bound to lease 7, which does not exist\n"
    assert done.stderr.startswith(f"hyperpy: error: {file}: 1 findings; restore a snapshot")
    with pytest.raises(UserError, match="cannot stand beside --data-dir"):
        run("check", file, "--data-dir", data)


def test_a_cluster_moves_to_postgresql_and_back(data: Path, tmp_path: Path, postgresql: Postgres) -> None:
    there = ("--datastore-endpoint", postgresql.create_database())
    run("snapshot", tmp_path / "file", "--data-dir", data)
    told = run("restore", tmp_path / "file", *there)
    assert "restored 9 keys of revision 34" in told and "the revision is now 1000034" in told
    assert "the database is whole: revision 1000034, 9 keys" in run("check", *there)
    assert run("compact", *there).startswith("compacted the database at revision 1000034: 9 keys")
    run("snapshot", tmp_path / "back", *there)
    assert "the revision is now 2000034" in run("restore", tmp_path / "back", "--data-dir", data)
    with pytest.raises(UserError, match="take a snapshot of them, then use --force"):
        run("restore", tmp_path / "file", *there)
    run("restore", tmp_path / "file", *there, "--force")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "--datastore-endpoint", "postgresql://h/d", "--data-dir", "x"], "cannot stand beside --data-dir"),
        (["check", "file", "--datastore-endpoint", "postgresql://h/d"], "a FILE cannot stand beside"),
        (["compact", "--datastore-endpoint", "sqlite:///x"], "a store in a file is named with --data-dir"),
        (["restore", "file", "--force"], "--force is for a --datastore-endpoint"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(words: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        run(*words)
