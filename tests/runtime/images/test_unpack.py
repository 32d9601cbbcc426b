"""Layers are unpacked faithfully, and nothing in one gets out of its folder."""

import gzip
import hashlib
import io
import os
import stat
import tarfile

import pytest

from hyperpy.runtime.images.unpack import BrokenLayer, unpack

pytestmark = pytest.mark.root


def entry(name, content=None, **fields):
    item = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(item, key, value)
    if content is not None:
        item.size = len(content)
    return item, content


def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item, content in entries:
            archive.addfile(item, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def folder(name, mode=0o755):
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def link(name, target):
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


@pytest.fixture
def into(tmp_path):
    inside = tmp_path / "layer"
    inside.mkdir()

    def run(*entries):
        unpack(io.BytesIO(layer(*entries)), inside)
        return inside

    return run


def test_owners_modes_times_and_contents_are_kept(into):
    root = into(
        folder("usr/"),
        entry("./usr/tool", b"text", mode=0o4755, uid=1000, gid=2000, mtime=86400),
        link("usr/alias", "tool"),
        entry("usr/same", type=tarfile.LNKTYPE, linkname="usr/tool"),
        entry("usr/pipe", type=tarfile.FIFOTYPE, mode=0o600),
    )
    status = (root / "usr/tool").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o4755, 1000, 2000)
    assert (status.st_mtime, status.st_nlink) == (86400, 2)
    assert (root / "usr/alias").readlink().name == "tool"
    assert stat.S_ISFIFO((root / "usr/pipe").stat().st_mode)


def test_folders_that_no_entry_names_are_made(into):
    assert (into(entry("a/b/c", b"x")) / "a/b/c").read_bytes() == b"x"


def test_extended_attributes_are_kept(into):
    item, content = entry("ping", b"x", mode=0o755)
    item.pax_headers = {"SCHILY.xattr.user.note": "text", "SCHILY.xattr.trusted.overlay.opaque": "y"}
    root = into((item, content))
    assert os.listxattr(root / "ping") == ["user.note"]


def test_the_diff_id_is_that_of_the_plain_archive(tmp_path):
    plain = layer(entry("file", b"x" * 5000))
    for number, packed in enumerate((plain, gzip.compress(plain))):
        place = tmp_path / str(number)
        place.mkdir()
        done = unpack(io.BytesIO(packed), place)
        assert done.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
        assert done.size_bytes == 5000


def test_a_whiteout_becomes_what_overlayfs_understands(into):
    root = into(folder("etc"), entry("etc/.wh.gone", b""))
    status = (root / "etc/gone").lstat()
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == 0


def test_an_opaque_folder_hides_what_is_below(into):
    root = into(folder("etc"), entry("etc/.wh..wh..opq", b""), entry("etc/new", b"x"))
    assert os.getxattr(root / "etc", "trusted.overlay.opaque") == b"y"
    assert os.listdir(root / "etc") == ["new"]


def test_a_folder_that_was_removed_and_made_again_hides_what_is_below(into):
    root = into(entry(".wh.data", b""), folder("data"))
    assert os.getxattr(root / "data", "trusted.overlay.opaque") == b"y"


def test_marks_of_aufs_are_passed_over(into):
    assert not os.listdir(into(entry(".wh..wh.plnk", b"")))


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param((entry("../out", b"x"),), id="up"),
        pytest.param((entry("a/../../out", b"x"),), id="up in the middle"),
        pytest.param((folder("a"), entry("a/b", type=tarfile.LNKTYPE, linkname="../../out")), id="hard link up"),
        pytest.param((entry("a", type=tarfile.LNKTYPE, linkname="/etc/passwd"),), id="hard link to the host"),
    ],
)
def test_paths_that_lead_out_are_refused(into, tmp_path, entries):
    with pytest.raises(BrokenLayer):
        into(*entries)
    assert os.listdir(tmp_path) == ["layer"]


def test_links_do_not_lead_writes_out(into, tmp_path):
    (tmp_path / "victim").mkdir()
    root = into(link("way", f"..{'/..' * 30}{tmp_path}/victim"), link("abs", str(tmp_path / "victim")), folder("in"))
    for name in ("way", "abs"):
        with pytest.raises(BrokenLayer):
            unpack(io.BytesIO(layer(entry(f"{name}/x", b"evil"))), root)
    assert not os.listdir(tmp_path / "victim")


def test_an_absolute_path_is_below_the_root(into):
    assert (into(entry("/etc/passwd", b"own")) / "etc/passwd").read_bytes() == b"own"


def test_a_file_is_not_written_through_a_link_of_the_same_name(into, tmp_path):
    (tmp_path / "victim").write_text("safe")
    root = into(link("file", str(tmp_path / "victim")), entry("file", b"new"))
    assert (tmp_path / "victim").read_text() == "safe"
    assert not (root / "file").is_symlink()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"no archive at all" * 100, "damaged", id="no tar"),
        pytest.param(gzip.compress(layer(entry("a", b"x" * 9000)))[:60], "damaged", id="cut off"),
        pytest.param(b"\x28\xb5\x2f\xfd" + b"\0" * 600, "zstd", id="zstd"),
    ],
)
def test_damaged_layers_are_refused(tmp_path, content, reason):
    with pytest.raises(BrokenLayer, match=reason):
        unpack(io.BytesIO(content), tmp_path)
