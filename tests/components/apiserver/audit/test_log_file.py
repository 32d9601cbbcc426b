"""The log's file: appended to, rotated, old ones removed."""

import os
import stat

import pytest

from hyperpy.components.apiserver.audit.log_file import LogFile


class Now:
    def __init__(self):
        self.seconds = 1_700_000_000.5

    def __call__(self):
        return self.seconds


@pytest.fixture
def now():
    return Now()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_lines_are_appended_and_only_the_owner_reads_them(tmp_path):
    path = tmp_path / "logs" / "audit.log"
    for line in (b"one\n", b"two\n"):
        file = LogFile(str(path))
        file.write([line])
        file.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_under_its_time(tmp_path, now):
    file = LogFile(str(tmp_path / "audit.log"), max_bytes=10, now=now)
    file.write([b"12345\n", b"678\n", b"next\n"])
    file.close()
    assert names(tmp_path) == ["audit-2023-11-14T22-13-20.500.log", "audit.log"]
    assert (tmp_path / "audit-2023-11-14T22-13-20.500.log").read_bytes() == b"12345\n678\n"
    assert (tmp_path / "audit.log").read_bytes() == b"next\n"


def test_a_line_larger_than_a_file_is_written_whole(tmp_path, now):
    file = LogFile(str(tmp_path / "audit.log"), max_bytes=3, now=now)
    file.write([b"123456\n"])
    file.close()
    assert (tmp_path / "audit.log").read_bytes() == b"123456\n"


def test_only_so_many_old_files_are_kept(tmp_path, now):
    file = LogFile(str(tmp_path / "audit.log"), max_bytes=1, max_backups=2, now=now)
    for number in range(5):
        now.seconds += 1
        file.write([b"%d\n" % number])
    file.close()
    old = [(tmp_path / name).read_bytes() for name in names(tmp_path) if name != "audit.log"]
    assert old == [b"2\n", b"3\n"]


def test_old_files_go_by_their_age(tmp_path, now):
    old = tmp_path / "audit-2020-01-01T00-00-00.000.log"
    old.write_bytes(b"x")
    os.utime(old, (0, now() - 3 * 86_400))
    file = LogFile(str(tmp_path / "audit.log"), max_bytes=1, max_age_days=2, now=now)
    file.write([b"1\n", b"2\n"])
    file.close()
    assert not old.exists()


def test_a_dash_is_standard_output(capfdbinary):
    file = LogFile("-")
    file.write([b"line\n"])
    file.close()
    assert capfdbinary.readouterr().out == b"line\n"
