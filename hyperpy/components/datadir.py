"""The data directory of a cluster: one owner at a time, one layout version, and what was chosen at the first start."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

from hyperpy.components.supervisor import StartFailure

#: The layout of the directory; a change that older releases cannot read makes it one more.
LAYOUT = 1
#: What may be there before a cluster was ever started: the lock, and images that were built or loaded.
_BEFORE_FIRST_START = ("lock", "runtime")


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """What the first start chose and later starts keep: a cluster's addresses do not change under its objects."""

    service_cidr: str
    cluster_cidr: str
    pod_netns: str


class DataDir:
    """A locked data directory; a context manager that holds the lock.

    Raises:
        StartFailure: another process has it, its layout is of another release, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = open(self.path / "lock", "a+")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock.truncate(0)
            self._lock.write(f"{os.getpid()}\n")
            self._lock.flush()
        except BlockingIOError:
            raise StartFailure(
                f"the data directory {self.path} is in use by process {self._holder()}; "
                "stop it, or choose another one with --data-dir"
            ) from None
        except OSError as error:
            raise StartFailure(f"the data directory {self.path} cannot be used: {error.strerror}") from error
        self._check_layout()
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def record(self) -> ClusterRecord | None:
        """What an earlier start chose; None at the first."""
        file = self.path / "cluster.json"
        try:
            return ClusterRecord(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StartFailure(f"{file} is damaged: {error}; restore it from a backup") from error

    def keep(self, record: ClusterRecord) -> None:
        """Remember what was chosen."""
        _write(self.path / "cluster.json", json.dumps(asdict(record), indent=1))

    def _holder(self) -> str:
        try:
            return (self.path / "lock").read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def _check_layout(self) -> None:
        file = self.path / "VERSION"
        try:
            found = json.loads(file.read_text())
        except FileNotFoundError:
            if any(entry.name not in _BEFORE_FIRST_START for entry in self.path.iterdir()):
                raise StartFailure(
                    f"{self.path} holds files but no VERSION: it is not a hyperpy data directory; choose another one"
                ) from None
            _write(file, str(LAYOUT))
            return
        except ValueError:
            found = None
        if found != LAYOUT:
            raise StartFailure(
                f"the data directory {self.path} has layout {found}, this hyperpy reads layout {LAYOUT}; "
                "use the release that made it, or choose another directory with --data-dir"
            )


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text + "\n")
    os.replace(fresh, file)
