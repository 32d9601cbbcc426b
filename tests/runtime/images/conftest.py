"""A store, and small images for it."""

import io

import pytest

from hyperpy.runtime.images import layers
from hyperpy.runtime.images.layers import LayerWriter
from hyperpy.runtime.images.store import ImageStore


@pytest.fixture
def store(tmp_path):
    made = ImageStore(tmp_path / "images")
    made.prepare()
    return made


@pytest.fixture
def make_layer(tmp_path):
    """Write a layer with these files."""
    numbers = iter(range(1000))

    def run(files: dict[str, bytes]):
        with LayerWriter(tmp_path / f"layer-{next(numbers)}.tar") as writer:
            for name, content in files.items():
                writer.file(name, content)
        return writer.layer

    return run


@pytest.fixture
def add(store):
    """Bring layers into the store as an image."""

    def run(*contents, references, settings=None):
        config = layers.configuration(contents, settings or {}, created="2026-01-01T00:00:00Z")
        with store.importing() as session:
            for item in contents:
                if not session.has_layer(item.diff_id):
                    session.add_layer(io.BytesIO(item.path.read_bytes()), expected=item.diff_id)
            return session.add_image(config, references=references)

    return run
