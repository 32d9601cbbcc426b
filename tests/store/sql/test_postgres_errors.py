"""What the user is told about failures of PostgreSQL that tests cannot bring about."""

from __future__ import annotations

import asyncpg
import pytest
from asyncpg import exceptions
from sqlalchemy import exc

from hyperpy.store.sql import postgres_address, postgres_errors

ADDRESS = postgres_address.parse("postgresql://me:secret@db/cluster")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (exceptions.DiskFullError("could not extend file"), "the server's disk is full; free some space and try again"),
        (exceptions.TooManyConnectionsError("sorry"), "no connection left; raise max_connections"),
        (exceptions.ReadOnlySQLTransactionError("cannot execute INSERT"), "give the address of the primary"),
        (exceptions.AdminShutdownError("terminating"), "an administrator ended the connection (57P01: terminating)"),
        (exceptions.CannotConnectNowError("starting up"), "the server is starting up"),
        (exceptions.DataCorruptedError("invalid page"), "damaged; restore it from a backup"),
        (exceptions.LockNotAvailableError("timeout"), "another API server holds the log for too long"),
        (exceptions.InvalidTextRepresentationError("one\ntwo"), "the database failed (22P02: one)"),
        (asyncpg.InterfaceError("connection is closed"), "the connection was lost (connection is closed)"),
        (TimeoutError(), "the server does not answer; check it and the network"),
        (OSError(113, "No route to host"), "the server cannot be reached; check the address, and that it runs"),
        (exc.DBAPIError("SELECT 1", {}, exceptions.OutOfMemoryError("no")), "the server is out of memory (53200: no)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_is_one_plain_line(error: Exception, text: str) -> None:
    told = str(postgres_errors.unavailable(error, ADDRESS))
    assert told.startswith("the store postgresql://me@db/cluster: ")
    assert text in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("error", "unsure"),
    [
        (exceptions.AdminShutdownError("terminating"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (ConnectionResetError(104, "reset"), True),
        (exceptions.DiskFullError("could not extend file"), False),
        (exceptions.LockNotAvailableError("timeout"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_commit_whose_answer_was_lost_may_have_taken_effect(error: Exception, unsure: bool) -> None:
    told = str(postgres_errors.unavailable(error, ADDRESS, unsure=True))
    assert ("may or may not have taken effect" in told) == unsure
