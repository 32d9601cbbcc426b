"""The flags of every verb (`-n`, `--context`, ...): taken from wherever they stand before `--`, as kubectl does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyperpy.commands import UserError

#: Flag -> field, and what to tell of it.
GLOBAL_FLAGS = {
    "-n, --namespace": "The namespace of objects that name none.",
    "--kubeconfig": "The kubeconfig file.",
    "--context": "The context of the kubeconfig, instead of the current one.",
    "-s, --server": "The URL of the API server, instead of the kubeconfig's.",
}
_FIELDS = {
    "-n": "namespace",
    "--namespace": "namespace",
    "--kubeconfig": "kubeconfig",
    "--context": "context",
    "-s": "server",
    "--server": "server",
}


@dataclass(frozen=True, slots=True)
class GlobalFlags:
    """What they were set to; "" for those that were not given."""

    namespace: str = ""
    kubeconfig: str = ""
    context: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line, sorted.

    Args:
        flags: the global ones.
        rest: what is the verb's, in order.
        trailing: what follows `--`; None when there is no `--`.
    """

    flags: GlobalFlags
    rest: tuple[str, ...]
    trailing: tuple[str, ...] | None


def sort_out(args: Sequence[str]) -> CommandLine:
    """Take the global flags out of a command line.

    Raises:
        UserError: one of them lacks its value.
    """
    words = list(args)
    trailing: tuple[str, ...] | None = None
    if "--" in words:
        cut = words.index("--")
        words, trailing = words[:cut], tuple(words[cut + 1 :])
    flags, rest = GlobalFlags(), []
    while words:
        word = words.pop(0)
        name, value = _split(word)
        if name not in _FIELDS:
            rest.append(word)
            continue
        if value is None:
            if not words:
                raise UserError(f"flag needs an argument: {name}")
            value = words.pop(0)
        flags = replace(flags, **{_FIELDS[name]: value})
    return CommandLine(flags, tuple(rest), trailing)


def _split(word: str) -> tuple[str, str | None]:
    """A word as flag and value; the value is None when it is to follow."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if len(word) > 2 and word[:2] in _FIELDS:
        return word[:2], word[2:].removeprefix("=")
    return word, None
