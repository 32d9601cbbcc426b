"""The CRI log format: one entry a line, parts of long lines, the tail at the end."""

import pytest

from hyperpy.runtime.embedded.shim.logs import MAX_LINE_BYTES, Formatter, LogFile

NOW = 1_767_323_045_000_000_006
STAMP = b"2026-01-02T03:04:05.000000006Z "


@pytest.mark.parametrize(
    ("chunks", "entries"),
    [
        pytest.param([b"one\ntwo\n"], [b"stdout F one", b"stdout F two"], id="two lines at once"),
        pytest.param([b"on", b"e\nt", b"wo\n"], [b"stdout F one", b"stdout F two"], id="in pieces"),
        pytest.param([b"\n\n"], [b"stdout F ", b"stdout F "], id="empty lines"),
        pytest.param([b"no end"], [b"stdout P no end"], id="a tail"),
        pytest.param([b""], [], id="nothing"),
        pytest.param(
            [b"x" * (MAX_LINE_BYTES + 2) + b"\n"],
            [b"stdout P " + b"x" * MAX_LINE_BYTES, b"stdout F xx"],
            id="a long line",
        ),
        pytest.param(
            [b"x" * MAX_LINE_BYTES, b"yy\n"],
            [b"stdout P " + b"x" * MAX_LINE_BYTES, b"stdout F yy"],
            id="a long line that comes in pieces",
        ),
    ],
)
def test_lines_become_entries(chunks, entries):
    formatter = Formatter(1)
    written = b"".join(formatter.feed(chunk, now_ns=NOW) for chunk in chunks) + formatter.finish(now_ns=NOW)
    assert written == b"".join(STAMP + entry + b"\n" for entry in entries)


def test_the_second_stream_is_stderr():
    assert Formatter(2).feed(b"x\n", now_ns=NOW) == STAMP + b"stderr F x\n"


def test_a_log_that_cannot_be_written_is_told_once(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    log = LogFile(str(tmp_path / "file" / "below" / "log"))
    log.write(b"lost\n")
    log.write(b"lost\n")
    log.close()
    assert capsys.readouterr().err.count("log entries are lost") == 1


def test_entries_are_appended(tmp_path):
    path = tmp_path / "new" / "0.log"
    for number in (b"1\n", b"2\n"):
        log = LogFile(str(path))
        log.write(number)
        log.close()
    assert path.read_bytes() == b"1\n2\n"
