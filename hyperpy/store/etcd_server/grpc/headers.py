"""Header blocks of requests. A client's calls look alike, so what a block said is remembered as long as that holds."""

from __future__ import annotations

from collections.abc import Mapping

from hpack import Decoder, HPACKError

from hyperpy.store.etcd_server.grpc.frames import Broken, Code

_REMEMBERED = 64  # blocks; when there are more, all are forgotten
_MAX_BYTES = 64 * 1024  # of one block's fields

Fields = Mapping[str, str]


class Headers:
    """The decoder of one connection."""

    def __init__(self) -> None:
        self._decoder = Decoder(_MAX_BYTES)
        self._known: dict[bytes, Fields] = {}

    def decode(self, block: bytes) -> Fields:
        """The fields of a block; of several with one name, the last. Raises Broken."""
        known = self._known.get(block)
        if known is not None:
            return known
        try:
            lasting = _leaves_the_table(block)
            fields = {_text(name): _text(value) for name, value in self._decoder.decode(block, raw=True)}
        except (HPACKError, IndexError) as error:
            raise Broken(Code.COMPRESSION_ERROR, f"a header block that cannot be read: {error}") from error
        # What a block means depends on the table; one that changes it changes what the others mean.
        if not lasting or len(self._known) >= _REMEMBERED:
            self._known.clear()
        if lasting:
            self._known[block] = fields
        return fields


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _leaves_the_table(block: bytes) -> bool:
    """Has a block only entries of the tables and literals that do not enter them (RFC 7541, section 6)?"""
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            _, at = _integer(block, at, 7)
        elif first & 0x60:
            return False
        else:
            index, at = _integer(block, at, 4)
            for _ in range(1 if index else 2):
                size, at = _integer(block, at, 7)
                at += size
    return True


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer and where the next thing stands."""
    limit = (1 << bits) - 1
    value = block[at] & limit
    at += 1
    shift = 0
    while value >= limit:
        value += (block[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not block[at - 1] & 0x80:
            break
    return value, at
