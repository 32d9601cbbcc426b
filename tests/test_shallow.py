"""Packages whose parts are imported alone."""

import subprocess
import sys

import pytest

from hyperpy import shallow

START = """
import sys
from hyperpy import shallow
shallow.package("aiohttp")
from aiohttp import web
import aiohttp
"""


def printed(program):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", START + program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_part_is_imported_without_the_rest():
    assert printed("print(web.Server.__name__, 'aiohttp.client' in sys.modules)") == "Server False"


def test_the_package_is_whole_for_who_asks_for_a_name_of_its_own():
    program = (
        "from aiohttp import ClientSession; print(ClientSession.__name__, aiohttp.web is web, aiohttp.__version__)"
    )
    import aiohttp

    assert printed(program) == f"ClientSession True {aiohttp.__version__}"


def test_what_the_package_has_not_is_an_error_as_ever():
    assert printed("print(hasattr(aiohttp, 'Nonsense'), hasattr(aiohttp, 'ClientSession'))") == "False True"


def test_a_package_that_is_imported_stays_as_it_is():
    before = sys.modules["pytest"]
    shallow.package("pytest")
    assert sys.modules["pytest"] is before


def test_a_package_that_is_not_installed_is_refused_by_name():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        shallow.package("no_such_package")
