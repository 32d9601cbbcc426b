"""Image references: `nginx` is `docker.io/library/nginx:latest`. Pure.

Source of the grammar: the distribution project's reference specification, with Docker's familiar short names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hyperpy.runtime.protocol import RuntimeFailure

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DEFAULT_REGISTRY = "docker.io"


class InvalidReference(RuntimeFailure):
    """No image reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A whole reference. `tag` is "" when only a digest was given, `digest` "" when none was."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse(text: str) -> Reference:
    """Read and complete a reference.

    Raises:
        InvalidReference: with the text that users know from Kubernetes' InvalidImageName.
    """
    rest, _, digest = text.partition("@")
    registry, rest = _split_registry(rest)
    repository, _, tag = rest.partition(":")
    if registry == _DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    well_formed = (
        _REGISTRY.fullmatch(registry)
        and _REPOSITORY.fullmatch(repository)
        and (_TAG.fullmatch(tag) if ":" in rest else True)
        and (_DIGEST.fullmatch(digest) if "@" in text else True)
    )
    if not well_formed:
        raise InvalidReference(f'couldn\'t parse image name "{text}": invalid reference format')
    return Reference(registry, repository, tag or ("" if digest else "latest"), digest)


def normalize(text: str) -> str:
    """The whole reference as text. Raises InvalidReference."""
    return str(parse(text))


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    named = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not named:
        return _DEFAULT_REGISTRY, text
    return (_DEFAULT_REGISTRY if first == "index.docker.io" else first), rest
