"""docs/api.md says what is served: its table and the registry of kinds are the same."""

import re
from pathlib import Path

from hyperpy.api import kinds

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
VERSION = re.compile(r"([a-z0-9.]+/)?v\d")
ALL_BUT_COLLECTION = tuple(verb for verb in kinds.ALL_VERBS if verb != "deletecollection")


def documented():
    """(apiVersion, kind) -> (verbs, subresources), as the table has it."""
    found = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4:
            continue
        names, versions, verbs, subresources = cells
        given = [version.strip() for version in re.sub(r"\(.*?\)", "", versions).split(",")]
        for version in filter(VERSION.fullmatch, given):
            for name in names.split(", "):
                found[version, name] = (_verbs(verbs), {*filter(None, subresources.split(", "))})
    return found


def _verbs(text):
    if text == "all":
        return {*kinds.ALL_VERBS}
    return {*ALL_BUT_COLLECTION} if text == "all but deletecollection" else {*text.split(", ")}


def test_the_table_of_kinds_is_the_registry():
    served = {(kind.api_version, kind.kind): ({*kind.verbs}, {*kind.subresources}) for kind in kinds.BUILT_IN}
    assert documented() == served
