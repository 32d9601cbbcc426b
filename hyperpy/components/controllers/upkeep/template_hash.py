"""Short names for Pod templates, by which the revisions of a workload are told apart. Pure."""

from __future__ import annotations

import hashlib
import json

from hyperpy.api import meta
from hyperpy.client.protocol import Obj


def template_hash(template: Obj, *, collisions: int) -> str:
    """A short name for a template: the same template gives the same one, in the alphabet of generated names."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (str(collisions) if collisions else "")
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    letters = []
    for _ in range(10):
        number, index = divmod(number, len(meta.SAFE_ALPHABET))
        letters.append(meta.SAFE_ALPHABET[index])
    return "".join(letters)
