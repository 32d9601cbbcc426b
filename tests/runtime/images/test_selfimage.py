"""The image of hyperpy itself: what is in it, when it is made again, and that it runs."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hyperpy.runtime.images import elf, installation, selfimage
from hyperpy.runtime.images.selfimage import Item, LayerPlan


@pytest.fixture(scope="module")
def plans():
    return selfimage.plan()


def names(item):
    return {entry.name for entry in item.items}


def test_the_layers_hold_python_its_libraries_and_hyperpy(plans):
    python, libraries, own = plans
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stdlib = next(name.removesuffix("/os.py") for name in names(python) if name.endswith("/os.py"))
    assert {f"usr/local/bin/python{version}", "bin/sh", "etc/passwd", "tmp"} <= names(python)
    assert {f"{stdlib}/asyncio/__init__.py", f"{stdlib}/site-packages/aiohttp/__init__.py"} <= names(python) | names(
        libraries
    )
    assert {f"{stdlib}/site-packages/hyperpy/__main__.py", "usr/local/bin/hyperpy"} <= names(own)


def test_what_no_server_needs_is_left_out(plans):
    every = set().union(*map(names, plans))
    for word in ("/idlelib/", "/tkinter/", "/ensurepip/", "/test/", "/pytest/", "/mypy/", "/.git", "/config-3"):
        assert not [name for name in every if word in name], word


def test_extras_of_requirements_are_followed(plans):
    # sqlalchemy[asyncio] is what brings greenlet.
    assert [name for name in names(plans[1]) if name.endswith("/greenlet/__init__.py")]


def test_the_image_names_its_entrypoint_and_what_went_into_it(plans):
    settings = selfimage.settings(plans)
    assert settings["Entrypoint"] == ["hyperpy"]
    assert {f"io.hyperpy.layer.{item.name}" for item in plans} <= settings["Labels"].keys()


def test_a_fingerprint_changes_with_the_files(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("one = 1\n")
    first = selfimage.fingerprint([selfimage.fingerprinted(LayerPlan("hyperpy", [Item("m.py", file)]))])
    assert first == selfimage.fingerprint([selfimage.fingerprinted(LayerPlan("hyperpy", [Item("m.py", file)]))])
    file.write_text("one = 11\n")
    assert first != selfimage.fingerprint([selfimage.fingerprinted(LayerPlan("hyperpy", [Item("m.py", file)]))])


def test_own_modules_come_with_bytecode_and_the_same_bytes_each_time(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("one = 1\n")
    plan = LayerPlan("hyperpy", [Item("lib/module.py", file), Item("lib/data.json", b"{}")], compiled=True)
    made = [selfimage.write_layer(plan, tmp_path / f"{number}.tar") for number in range(2)]
    assert made[0].diff_id == made[1].diff_id
    with tarfile.open(made[0].path) as layer:
        found = layer.getnames()
    assert f"lib/__pycache__/module.{sys.implementation.cache_tag}.pyc" in found


def test_needed_libraries_are_found_as_the_loader_finds_them():
    program = installation.interpreter()
    found = elf.libraries([program])
    shown = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    wanted = {line.split()[0] for line in shown.splitlines() if "=>" in line}
    assert wanted <= found.keys()
    assert elf.read(str(program)).interpreter.startswith("/lib")


def test_other_files_are_no_programs(tmp_path):
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert not elf.is_elf(tmp_path / "text")
    assert not elf.is_elf(tmp_path / "none")


@pytest.mark.root
def test_only_what_changed_is_made_again(store):
    first = selfimage.build_into(store)
    assert set(first.made) == {"python", "libraries", "hyperpy"}
    assert [store.find(name).id for name in selfimage.REFERENCES] == [first.id, first.id]
    again = selfimage.build_into(store)
    assert set(again.made) <= {"hyperpy"}
    root = [store.layers_directory / name for name in store.find("hyperpy").layers]
    assert (root[0] / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert any(Path(layer, "usr/local/bin/hyperpy").exists() for layer in root)
    assert json.loads(json.dumps(store.config(again.id)))["config"]["Entrypoint"] == ["hyperpy"]
