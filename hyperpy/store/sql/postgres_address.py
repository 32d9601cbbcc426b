"""The address of a PostgreSQL database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=... (pure).

What is left out comes from where libpq takes it: PGPASSWORD, PGPASSFILE, ~/.pgpass and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from hyperpy.store.protocol import Unavailable

SCHEMES = ("postgresql", "postgres")
_PARAMETERS = ("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")


@dataclass(frozen=True, slots=True)
class Address:
    """`dsn` is for the driver; `shown`, which has no password, for people."""

    dsn: str
    shown: str

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse(where: str) -> Address:
    """Raises Unavailable when it is not the address of a PostgreSQL database."""
    try:
        parts = urlsplit(where)
        parameters = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise Unavailable(f"the store's address cannot be read: {error}; write {_FORM}") from None
    if parts.scheme not in SCHEMES or parts.fragment:
        raise Unavailable(f"the store's address is not that of a PostgreSQL database; write {_FORM}")
    _, _, hosts = parts.netloc.rpartition("@")
    user = parts.username or ""
    for name, _ in parameters:
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise Unavailable(f"the store's address has the parameter {name!r}, which is not known; known are {known}")
    for host in hosts.split(","):
        port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise Unavailable(f"the store's address has the port {port!r}, which is not a number up to 65535")
    if not parts.path.strip("/"):
        raise Unavailable(f"the store's address names no database; write {_FORM}")
    place = hosts or dict(parameters).get("host", "")
    shown = f"postgresql://{user + '@' if user else ''}{place}{parts.path}"
    return Address(where, shown)


_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
