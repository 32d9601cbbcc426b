"""The image store: shared layers, tags, leases, and what several processes and crashes do to it."""

import fcntl
import os
import subprocess
import sys

import pytest

from hyperpy.runtime.images import unpack
from hyperpy.runtime.images.store import ImageStore, short_name
from hyperpy.runtime.protocol import ImageNotFound

pytestmark = pytest.mark.root

ONE, TWO = "docker.io/library/one:latest", "docker.io/library/two:latest"


def folders(store):
    return set(os.listdir(store.layers_directory))


def test_images_share_layers(store, make_layer, add):
    base, top = make_layer({"base": b"1"}), make_layer({"top": b"2"})
    add(base, references=[ONE])
    add(base, top, references=[TWO])
    assert folders(store) == {short_name(base.diff_id), short_name(top.diff_id)}
    store.remove("one")
    assert folders(store) == {short_name(base.diff_id), short_name(top.diff_id)}
    store.remove("two")
    assert not folders(store)
    assert not os.listdir(store.root / "configs")


def test_an_image_is_found_by_tag_id_and_short_id(store, make_layer, add):
    image_id = add(make_layer({"a": b"1"}), references=[ONE], settings={"User": "web"})
    for name in ("one", "docker.io/library/one:latest", image_id, image_id.removeprefix("sha256:")[:12]):
        found = store.find(name)
        assert found is not None
        assert (found.id, list(found.tags), found.user) == (image_id, [ONE], "web")
    for name in ("other", "sha256:" + "0" * 64, "Not A Name"):
        assert store.find(name) is None


def test_a_tag_moves_to_the_newer_image_and_the_older_goes(store, make_layer, add):
    old = add(make_layer({"a": b"old"}), references=[ONE])
    new = add(make_layer({"a": b"new"}), references=[ONE])
    assert [image.id for image in store.images()] == [new]
    assert store.find(old) is None
    assert len(folders(store)) == 1


def test_removing_by_id_takes_every_tag(store, make_layer, add):
    image_id = add(make_layer({"a": b"1"}), references=[ONE, TWO])
    store.remove("one")
    assert [list(image.tags) for image in store.images()] == [[TWO]]
    store.remove(image_id)
    assert not store.images()
    with pytest.raises(ImageNotFound):
        store.remove(image_id)


def test_a_leased_image_keeps_its_layers_until_the_release(store, make_layer, add):
    image_id = add(make_layer({"a": b"1"}), references=[ONE])
    held = store.lease("container-1", image_id)
    store.remove("one")
    assert folders(store) == set(held.layers)
    assert store.config(image_id)["os"] == "linux"
    store.release("container-1")
    assert not folders(store)
    store.release("container-1")


def test_a_lease_on_a_removed_image_is_refused(store):
    with pytest.raises(ImageNotFound):
        store.lease("container-1", "sha256:" + "0" * 64)


def test_another_process_sees_changes(store, make_layer, add):
    image_id = add(make_layer({"a": b"1"}), references=[ONE])
    other = ImageStore(store.root)
    assert other.find("one").id == image_id
    store.remove("one")
    assert other.find("one") is None


def test_a_layer_other_than_expected_is_refused_and_leaves_nothing(store, make_layer):
    item = make_layer({"a": b"1"})
    with store.importing() as session, open(item.path, "rb") as file, pytest.raises(unpack.BrokenLayer):
        session.add_layer(file, expected="sha256:" + "0" * 64)
    assert not folders(store)
    assert not os.listdir(store.root / "tmp")


def test_an_image_without_its_layers_is_refused(store):
    config = b'{"rootfs":{"diff_ids":["sha256:' + b"0" * 64 + b'"]}}'
    with store.importing() as session, pytest.raises(unpack.BrokenLayer, match="lacks its layer"):
        session.add_image(config, references=[ONE])
    assert not store.images()


def test_what_a_killed_import_leaves_is_swept_at_the_next_start(store, make_layer):
    item = make_layer({"a": b"1" * 100_000})
    script = (
        "import sys, os, io; from pathlib import Path; from hyperpy.runtime.images.store import ImageStore\n"
        "store = ImageStore(Path(sys.argv[1]))\n"
        "class Dying(io.BytesIO):\n"
        "    def read(self, size=-1):\n"
        "        os._exit(9) if self.tell() > 50000 else None\n"
        "        return super().read(min(size, 4096))\n"
        "with store.importing() as session:\n"
        "    session.add_layer(Dying(Path(sys.argv[2]).read_bytes()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(store.root), str(item.path)], check=False)
    assert done.returncode == 9
    assert os.listdir(store.root / "tmp")
    ImageStore(store.root).prepare()
    assert not os.listdir(store.root / "tmp")
    assert not folders(store)


def test_nothing_is_swept_while_another_process_imports(store, make_layer):
    item = make_layer({"a": b"1"})
    with open(store.root / "use.lock", "w") as other:
        with store.importing() as session:
            session.add_layer(open(item.path, "rb"))
            fcntl.flock(other, fcntl.LOCK_SH)
        # This import has ended without an image, but another may be about to name the layer.
        assert folders(store) == {short_name(item.diff_id)}
    store.sweep()
    assert not folders(store)
