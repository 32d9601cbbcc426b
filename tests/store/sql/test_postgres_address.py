"""Addresses of PostgreSQL databases: which are taken, and that no password is shown."""

from __future__ import annotations

import pytest

from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql import postgres_address


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("postgresql://me:secret@db.example:5433/cluster", "postgresql://me@db.example:5433/cluster"),
        (
            "postgres://me:secret@db.example/cluster?sslmode=verify-full&sslrootcert=/ca",
            "postgresql://me@db.example/cluster",
        ),
        ("postgresql://db.example/cluster", "postgresql://db.example/cluster"),
        ("postgresql://me@/cluster?host=/run/postgresql", "postgresql://me@/run/postgresql/cluster"),
        ("postgresql://me:secret@[::1]:5432,other:5433/cluster", "postgresql://me@[::1]:5432,other:5433/cluster"),
        ("postgresql://me:s%40cret@db.example/cluster", "postgresql://me@db.example/cluster"),
    ],
)
def test_an_address_is_shown_without_its_password(where: str, shown: str) -> None:
    address = postgres_address.parse(where)
    assert (str(address), address.dsn) == (shown, where)
    assert "cret" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("mysql://me:secret@db/cluster", "not that of a PostgreSQL database"),
        ("postgresql://me:secret@db", "names no database"),
        ("postgresql://me:secret@db:many/cluster", "has the port 'many'"),
        ("postgresql://me:secret@db:70000/cluster", "has the port '70000'"),
        ("postgresql://me:secret@db/cluster?pool_size=3", "has the parameter 'pool_size', which is not known"),
        ("postgresql://me:secret@db/cluster?sslmode", "cannot be read"),
        ("postgresql://me:secret@db/cluster#there", "not that of a PostgreSQL database"),
        ("postgresql://me:secret@[::1/cluster", "cannot be read"),
    ],
)
def test_what_cannot_be_an_address_is_refused_without_its_password(where: str, text: str) -> None:
    with pytest.raises(Unavailable) as refused:
        postgres_address.parse(where)
    assert text in str(refused.value)
    assert "secret" not in str(refused.value)
