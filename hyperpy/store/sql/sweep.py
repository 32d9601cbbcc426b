"""Forgetting what is below the floor of a SQLite file, in small steps: rows of the log first, then pages of the file.

rows ──swept reaches the floor──▶ pages ──few enough are free──▶ nothing to do
"""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Connection

from hyperpy.store import failpoints
from hyperpy.store.sql import rows, schema
from hyperpy.store.sql.pace import Pace
from hyperpy.store.sql.wal import Wal

_AIM_S = 0.01  # of a step: a write that comes meanwhile waits for the rest of it
_FREE_PAGES = 1024  # are left for the writes to come, or a quarter of the file


class Sweeper:
    """Works on the one writing connection, in its thread; `driver` is the driver's own object below `connection`."""

    def __init__(self, connection: Connection, driver: sqlite3.Connection, wal: Wal) -> None:
        self._connection = connection
        self._driver = driver
        self._wal = wal
        self._rows = Pace(amount=100, least=100, most=5000, aim_s=_AIM_S)
        self._pages = Pace(amount=64, least=16, most=4096, aim_s=_AIM_S)

    def step(self, at_least: int) -> int:
        """One step in a transaction of its own: how many rows it went through; 0 when there was nothing left to do.

        A step that gives back pages counts as a few rows.

        Args:
            at_least: rows to go through even when that takes longer than a step should.
        """
        begun = time.perf_counter()
        swept, floor = schema.number(self._connection, "swept"), schema.number(self._connection, "floor")
        if swept < floor:
            amount = max(self._rows.amount, at_least)
            self._sweep_rows(swept, floor, amount)
            self._rows.took(time.perf_counter() - begun)
            return amount
        if not self._too_many_free():
            return 0
        self._vacuum()
        self._pages.took(time.perf_counter() - begun)
        return 4

    def give_back(self) -> bool:
        """Give a few free pages back to the disk, however few there are. False: there is none."""
        if not self._number("freelist_count"):
            return False
        self._vacuum()
        return True

    def _vacuum(self) -> None:
        failpoints.reach("vacuum/begin")
        # As a script: the pragma frees one page a step, and only a script is stepped to its end.
        self._driver.executescript(f"PRAGMA incremental_vacuum({self._pages.amount})")
        self._wal.wrote(rows=2 * self._pages.amount, size=0)
        failpoints.reach("vacuum/end")

    def _sweep_rows(self, swept: int, floor: int, amount: int) -> None:
        failpoints.reach("sweep/begin")
        self._driver.execute("BEGIN IMMEDIATE")
        try:
            rows.sweep(self._connection, swept, floor, amount=amount)
            self._driver.execute("COMMIT")
            self._wal.wrote(rows=3 * amount, size=0)
        except BaseException:
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            raise

    def _too_many_free(self) -> bool:
        return self._number("freelist_count") > max(_FREE_PAGES, self._number("page_count") // 4)

    def _number(self, pragma: str) -> int:
        return int(self._driver.execute(f"PRAGMA {pragma}").fetchone()[0])
