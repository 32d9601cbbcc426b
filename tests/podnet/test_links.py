"""Netlink through pyroute2: what is found, and what is imported for it."""

import subprocess
import sys

from hyperpy.podnet import links


def test_a_link_is_found_by_its_name():
    with links.open_in(None) as netlink:
        assert netlink.find("lo") == 1
        assert netlink.find("no-such-link") is None


def test_only_the_part_of_pyroute2_that_is_used_is_imported():
    program = """
import sys
from hyperpy.podnet import links
with links.open_in(None):
    pass
print(*sys.modules)
"""
    names = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "pyroute2.iproute" in names
    assert not {"pyroute2.ndb", "pyroute2.ipdb", "pyroute2.conntrack"} & set(names)
