"""The CRI log format, one entry a line: `2026-01-02T03:04:05.000000006Z stdout F the text`. Pure.

`P` instead of `F` marks a piece of a line that goes on in the next entry of its stream. Source: the CRI's design of
container logging.
"""

from __future__ import annotations

from dataclasses import dataclass

STDOUT, STDERR = b"stdout", b"stderr"
_STREAMS = {STDOUT: 1, STDERR: 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `text` ends with the line's newline unless the entry is a piece (`partial`).

    Args:
        time: as written: RFC 3339 in UTC; such times of one writer compare as text.
        stream: 1 stdout, 2 stderr.
    """

    time: bytes
    stream: int
    partial: bool
    text: bytes


def parse(line: bytes) -> Entry | None:
    """An entry from a line of the file (with its newline); None when it is not one, for example cut off."""
    time, _, rest = line.partition(b" ")
    stream, _, rest = rest.partition(b" ")
    tags, space, text = rest.partition(b" ")
    if stream not in _STREAMS or not space or not line.endswith(b"\n"):
        return None
    partial = tags.split(b":")[0] == b"P"
    return Entry(time, _STREAMS[stream], partial, text[:-1] if partial else text)


def entry(time: bytes, stream: int, text: bytes, *, partial: bool = False) -> bytes:
    """The line of one entry; `text` without newline."""
    name = STDOUT if stream == 1 else STDERR
    return b"%s %s %s %s\n" % (time, name, b"P" if partial else b"F", text)
