"""Packages of which we use a part: their parts can be imported without the package's own file, which imports them all.

aiohttp's server does without its client, which reads the system's authorities twice when it is imported (50 ms and
4 MB); netlink without all else that pyroute2 has (30 ms and 6 MB). The package is made and put in its place, and
executed when a name of its own is asked for (`aiohttp.ClientSession`): nobody need know which of the two there is.
"""

from __future__ import annotations

import sys
import threading
from importlib import metadata, util
from typing import Any


def package(name: str) -> None:
    """Make a package's parts importable alone; nothing happens when it has been imported.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if name in sys.modules:
        return
    spec = util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module, loader = util.module_from_spec(spec), spec.loader
    lock, executed = threading.RLock(), False

    def missing(attribute: str) -> Any:
        nonlocal executed
        if util.find_spec(f"{name}.{attribute}") is None:
            with lock:
                if not executed:
                    executed = True
                    loader.exec_module(module)
            if attribute in vars(module):
                return vars(module)[attribute]
        raise AttributeError(f"module {name!r} has no attribute {attribute!r}")  # a part is imported by who asks

    vars(module).update(__getattr__=missing, __version__=metadata.version(name))
    sys.modules[name] = module
