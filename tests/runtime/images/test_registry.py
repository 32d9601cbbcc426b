"""Pulling from registries: manifests and lists, authentication, what is there already, and clear failures."""

import asyncio
import socket

import pytest
from runtime.images.small_registry import SmallRegistry

from hyperpy.runtime.images import layers
from hyperpy.runtime.images.local import LocalImages
from hyperpy.runtime.protocol import ImageNotFound, PullFailed, RegistryAuth

pytestmark = pytest.mark.root

JOE = RegistryAuth("joe", "secret")


@pytest.fixture
def image(make_layer):
    made = [make_layer({"a": b"1"}), make_layer({"b": b"2" * 100_000})]
    config = layers.configuration(made, {"User": "web"}, created="2026-01-01T00:00:00Z")
    return config, [item.path.read_bytes() for item in made]


@pytest.fixture
def images(store):
    return LocalImages(store)


async def test_an_image_is_pulled_and_found_by_tag_and_digest(images, image):
    async with SmallRegistry() as registry:
        digest = registry.add("1", *image)
        steps = []
        image_id = await images.pull(f"{registry.address}/team/app:1", on_progress=steps.append)
        found = await images.find(f"{registry.address}/team/app:1")
        assert (found.id, found.user) == (image_id, "web")
        assert (await images.find(f"{registry.address}/team/app@{digest}")).id == image_id
        done = {step.digest: step.done_bytes for step in steps}
        assert len(done) == 2
        assert done == {step.digest: step.total_bytes for step in steps}


async def test_layers_that_are_here_are_not_fetched_again(images, image):
    async with SmallRegistry() as registry:
        registry.add("1", *image)
        await images.pull(f"{registry.address}/team/app:1")
        registry.asked.clear()
        await images.pull(f"{registry.address}/team/app:1")
        # The manifest and the configuration only.
        assert len(registry.asked) == 2


async def test_a_list_of_platforms_gives_the_one_for_this_machine(images, image):
    async with SmallRegistry() as registry:
        digest = registry.add("1", *image, platforms=["s390x", layers.architecture()])
        await images.pull(f"{registry.address}/team/app@{digest}")
        registry.add("2", *image, platforms=["s390x"])
        with pytest.raises(ImageNotFound, match=f"linux/{layers.architecture()}"):
            await images.pull(f"{registry.address}/team/app:2")


@pytest.mark.parametrize("kind", ["token", "basic"])
async def test_credentials_are_used(images, image, kind):
    async with SmallRegistry(auth=kind) as registry:
        registry.add("1", *image)
        await images.pull(f"{registry.address}/team/app:1", auth=JOE)
        for auth in (None, RegistryAuth("joe", "wrong")):
            with pytest.raises(PullFailed, match="pull access denied for .*/team/app"):
                await images.pull(f"{registry.address}/team/app:1", auth=auth)


async def test_an_unknown_image_is_not_found(images, image):
    async with SmallRegistry() as registry:
        registry.add("1", *image)
        with pytest.raises(ImageNotFound, match="team/app:none: not found"):
            await images.pull(f"{registry.address}/team/app:none")


async def test_a_connection_that_breaks_leaves_nothing(images, store, image):
    async with SmallRegistry() as registry:
        registry.add("1", *image)
        registry.break_layers()
        with pytest.raises(PullFailed):
            await images.pull(f"{registry.address}/team/app:1")
    assert not store.images()
    assert not list(store.layers_directory.iterdir())


async def test_a_registry_that_is_not_there_is_told_at_once(images):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with asyncio.timeout(5):
        with pytest.raises(PullFailed, match="refuses the connection"):
            await images.pull(f"127.0.0.1:{port}/team/app:1")


async def test_a_name_that_cannot_be_resolved_is_told_soon(images):
    async with asyncio.timeout(8):
        with pytest.raises(PullFailed, match=r"registry\.invalid cannot be resolved"):
            await images.pull("registry.invalid/app:1")
