"""Image archives of Docker and OCI tools are read, and what we write can be read again."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile

import pytest

from hyperpy.runtime.images import archive, layers
from hyperpy.runtime.images.archive import ArchiveWriter, BrokenArchive
from hyperpy.runtime.images.store import short_name

pytestmark = pytest.mark.root

NAME = "docker.io/library/app:1"


def tar_of(members, links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for name, content in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            packed.addfile(item, io.BytesIO(content))
        for name, target in links:
            item = tarfile.TarInfo(name)
            item.type, item.linkname = tarfile.SYMTYPE, target
            packed.addfile(item)
    return out.getvalue()


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def parts(make_layer):
    """Two layers as bytes and the configuration over them."""
    made = [make_layer({"a": b"1"}), make_layer({"b": b"2"})]
    config = layers.configuration(made, {"Cmd": ["sh"]}, created="2026-01-01T00:00:00Z")
    return config, [item.path.read_bytes() for item in made], made


def test_what_we_write_is_read_again(store, parts, tmp_path):
    config, _, made = parts
    with ArchiveWriter(tmp_path / "image.tar") as writer:
        image_id = writer.add_image(config, made, references=["app:1", "other.example/app:2"])
    assert archive.load(tmp_path / "image.tar", store) == [NAME, "other.example/app:2"]
    found = store.find("app:1")
    assert (found.id, list(found.layers)) == (image_id, [short_name(item.diff_id) for item in made])
    assert (store.layers_directory / found.layers[0] / "a").read_bytes() == b"1"


def test_an_archive_of_docker_save_with_linked_layers(store, parts, tmp_path):
    config, (one, two), _ = parts
    manifest = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["x/layer.tar", "y/layer.tar"]}]
    members = {"c.json": config, "x/layer.tar": one, "z/layer.tar": two, "manifest.json": json.dumps(manifest).encode()}
    (tmp_path / "image.tar").write_bytes(tar_of(members, [("y/layer.tar", "../z/layer.tar")]))
    assert archive.load(tmp_path / "image.tar", store) == [NAME]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_an_oci_archive_with_several_platforms(store, parts, tmp_path, packed):
    config, blobs, _ = parts
    packed_layers = [gzip.compress(blob) for blob in blobs]

    def descriptor(content, **more):
        return {"mediaType": "x", "digest": digest(content), "size": len(content), **more}

    manifest = json.dumps(
        {"config": descriptor(config), "layers": [descriptor(blob) for blob in packed_layers]}
    ).encode()
    foreign = b'{"layers":[]}'
    here = {"os": "linux", "architecture": layers.architecture()}
    index = json.dumps(
        {
            "manifests": [
                descriptor(foreign, platform={"os": "linux", "architecture": "s390x"}),
                descriptor(manifest, platform=here),
            ]
        }
    ).encode()
    top = {"manifests": [descriptor(index, annotations={"org.opencontainers.image.ref.name": "app:1"})]}
    every = (config, manifest, foreign, index, *packed_layers)
    members = {f"blobs/{digest(blob).replace(':', '/')}": blob for blob in every}
    content = tar_of({**members, "index.json": json.dumps(top).encode()})
    (tmp_path / "image.tar").write_bytes(gzip.compress(content) if packed else content)
    assert archive.load(tmp_path / "image.tar", store) == [NAME]
    assert store.find("app:1").id == digest(config)


def test_an_image_without_a_name_is_told_by_its_id(store, parts, tmp_path):
    config, _, made = parts
    with ArchiveWriter(tmp_path / "image.tar") as writer:
        image_id = writer.add_image(config, made, references=[])
    (told,) = archive.load(tmp_path / "image.tar", store)
    assert told == image_id
    assert store.find(told).id == image_id


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"text " * 500, "is no image archive", id="no tar"),
        pytest.param(tar_of({"README": b"x"}), "neither manifest.json nor index.json", id="another tar"),
        pytest.param(tar_of({"manifest.json": b"{"}), "table of contents is damaged", id="no JSON"),
        pytest.param(tar_of({"manifest.json": b'[{"Config":"c"}]'}), "table of contents is damaged", id="no layers"),
    ],
)
def test_other_files_are_refused_with_a_reason(store, tmp_path, content, reason):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BrokenArchive, match=reason):
        archive.load(tmp_path / "file", store)
    assert not store.images()


def test_a_missing_file_is_told(store, tmp_path):
    with pytest.raises(BrokenArchive, match="no file"):
        archive.load(tmp_path / "none.tar", store)


def test_a_layer_that_was_changed_is_refused(store, parts, tmp_path):
    config, (one, _), made = parts
    manifest = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["1.tar", "2.tar"]}]
    members = {"c.json": config, "1.tar": one, "2.tar": one, "manifest.json": json.dumps(manifest).encode()}
    (tmp_path / "image.tar").write_bytes(tar_of(members))
    with pytest.raises(BrokenArchive, match="damaged"):
        archive.load(tmp_path / "image.tar", store)
    assert not store.images()
    assert made


def test_the_same_entries_give_the_same_bytes(make_layer):
    assert make_layer({"a": b"1", "d/b": b"2"}).diff_id == make_layer({"a": b"1", "d/b": b"2"}).diff_id


@pytest.mark.docker
def test_docker_loads_what_we_write(parts, tmp_path):
    config, _, made = parts
    with ArchiveWriter(tmp_path / "image.tar") as writer:
        image_id = writer.add_image(config, made, references=["hyperpy-test/archive:1"])
    docker = shutil.which("docker")
    subprocess.run([docker, "load", "-i", tmp_path / "image.tar"], check=True, capture_output=True)
    try:
        shown = [docker, "image", "inspect", "hyperpy-test/archive:1", "--format", "{{.Id}}"]
        assert subprocess.run(shown, check=True, capture_output=True, text=True).stdout.strip() == image_id
    finally:
        subprocess.run([docker, "rmi", "hyperpy-test/archive:1"], check=True, capture_output=True)
