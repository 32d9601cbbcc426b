"""Which store an address opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperpy.store.opening import is_shared, open_store
from hyperpy.store.protocol import Get, Put, Unavailable


@pytest.mark.parametrize("form", ["path", "text", "address"])
async def test_a_file_is_opened_by_its_path_or_address(tmp_path: Path, form: str) -> None:
    file = tmp_path / "store.db"
    where = {"path": file, "text": str(file), "address": f"sqlite:///{file}"}[form]
    store = await open_store(where)
    await store.put(Put(b"/a", b"1"))
    assert (await store.get(Get(b"/a"))).count == 1
    await store.aclose()
    assert file.exists()


async def test_another_database_is_refused_by_name() -> None:
    with pytest.raises(
        Unavailable, match="a store at mysql:// is not known; give a file, sqlite:///PATH or postgresql"
    ):
        await open_store("mysql://me:secret@db/cluster")


@pytest.mark.parametrize(
    ("where", "shared"),
    [("postgresql://db/c", True), ("postgres://db/c", True), ("sqlite:////c", False), ("/c", False), ("", False)],
)
def test_only_a_server_is_shared(where: str, shared: bool) -> None:
    assert is_shared(where) is shared
