"""PostgreSQL's, its driver's and the network's failures as one plain line each."""

from __future__ import annotations

import ssl

from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql.postgres_address import Address

# By SQLSTATE, else by its class of two characters. Source: PostgreSQL, appendix A, "Error Codes".
_TEXTS = {
    "08": "the connection was lost",
    "25006": "the server takes no writes, as a standby does; give the address of the primary",
    "28": "the server refuses this user; check name, password and pg_hba.conf",
    "28P01": "wrong password",
    "3D000": "there is no such database; create it first",
    "3F000": "there is no schema to create tables in; create one, or set the user's search_path",
    "40": "another transaction was in the way; try again",
    "42501": "the user may not do that; make it the owner of the database or grant CREATE on its schema",
    "42P01": "a table is missing; it was dropped behind the store's back, so restore it from a backup",
    "53100": "the server's disk is full; free some space and try again",
    "53200": "the server is out of memory",
    "53300": "the server has no connection left; raise max_connections or stop other programs",
    "54": "the server's limits do not allow it",
    "55P03": "another API server holds the log for too long; see what blocks it in pg_stat_activity",
    "57014": "the server took too long and was told to stop",
    "57P01": "the server is shutting down or an administrator ended the connection",
    "57P02": "the server has crashed and restarts",
    "57P03": "the server is starting up or shutting down; try again",
    "58": "the server's disk failed to read or write; check it and the server's log",
    "XX001": "the server's data is damaged; restore it from a backup",
    "XX002": "an index is damaged; REINDEX it",
}
# The connection may be of no more use, or another server may answer by now.
_LOST = ("08", "25", "57", "58", "XX")
_UNSURE = "the connection was lost; what was being written may or may not have taken effect"


def unavailable(error: BaseException, address: Address, *, unsure: bool = False) -> Unavailable:
    """What to tell the user.

    Args:
        unsure: the failure came while a transaction was being committed; where the connection broke, say that nobody
            knows whether it was.
    """
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None) or ""
    known = _TEXTS.get(state) or _TEXTS.get(state[:2])
    name = type(cause).__name__
    if unsure and (lost(error) or state[:2] in ("08", "57")):
        reason = _UNSURE
    elif known is not None:
        reason = known
    elif isinstance(cause, TimeoutError):
        return Unavailable(f"the store {address}: the server does not answer; check it and the network")
    elif name == "ClientConfigurationError":
        reason = "the address cannot be used"
    elif isinstance(cause, ssl.SSLError) or type(cause) is ConnectionError:  # the driver's, for a server without TLS
        reason = "no TLS with this server; check its certificate, sslmode and sslrootcert"
    elif isinstance(cause, (FileNotFoundError, PermissionError)):
        reason = "a file of the address cannot be used: the socket, or one of sslrootcert, sslcert and sslkey"
    elif isinstance(cause, OSError):
        reason = "the server cannot be reached; check the address, and that it runs"
    elif name == "TargetServerAttributeNotMatched":
        return Unavailable(f"the store {address}: {_TEXTS['25006']}")
    elif lost(error):
        reason = _TEXTS["08"]
    else:
        reason = "the database failed"
    said = str(cause).splitlines()[0] if str(cause) else name
    return Unavailable(f"the store {address}: {reason} ({f'{state}: ' if state else ''}{said})")


def lost(error: BaseException) -> bool:
    """Whether the connection is not to be used any more."""
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None)
    return state is None or state[:2] in _LOST


def passing(error: BaseException | None) -> bool:
    """Whether it may be over in a moment: the server is not there yet, or has no connection left."""
    if error is None:
        return False
    cause = _cause(error)
    return isinstance(cause, OSError) or getattr(cause, "sqlstate", None) in ("53300", "57P01", "57P02", "57P03")


def _cause(error: BaseException) -> BaseException:
    """What the driver said, below what SQLAlchemy makes of it."""
    original = getattr(error, "orig", None)
    if original is None:
        return error
    return getattr(original, "__cause__", None) or original
