"""Where the store's file is in a data directory: that of a cluster or of `hyperpy etcd`."""

from __future__ import annotations

from pathlib import Path

from hyperpy.commands import UserError


def of_cluster(data_dir: Path) -> Path:
    """Where `hyperpy all` and `hyperpy apiserver` keep it."""
    return data_dir / "store" / "store.db"


def of_etcd(data_dir: Path) -> Path:
    """Where `hyperpy etcd` keeps it."""
    return data_dir / "store.db"


def existing(data_dir: Path) -> Path:
    """The store's file. Raises UserError when there is none, or one of each kind."""
    found = _found(data_dir)
    if found is None:
        raise UserError(
            f"there is no store in {data_dir}: neither {of_cluster(data_dir)} nor {of_etcd(data_dir)}; "
            "name the directory with --data-dir"
        )
    return found


def for_restore(data_dir: Path) -> Path:
    """The store's file, or where a new one goes, which is a cluster's. Raises UserError."""
    return _found(data_dir) or of_cluster(data_dir)


def _found(data_dir: Path) -> Path | None:
    found = [path for path in (of_cluster(data_dir), of_etcd(data_dir)) if path.exists()]
    if len(found) == 2:
        raise UserError(f"there are two stores, {found[0]} and {found[1]}; move away the one that is not used")
    return found[0] if found else None
