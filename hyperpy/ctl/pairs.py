"""`key=value` lists of a command line. Pure."""

from __future__ import annotations

from hyperpy.api import names
from hyperpy.commands import UserError


def parse_map(text: str, *, what: str) -> dict[str, str]:
    """`a=1,b=2` as a dict of labels.

    Args:
        what: what it is, for messages.
    Raises:
        UserError: a part is no pair, or no label.
    """
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"unexpected {what}: {part}; it must be KEY=VALUE")
        check_label(key, value)
        pairs[key] = value
    return pairs


def check_label(key: str, value: str) -> None:
    """Refuse what is no label.

    Raises:
        UserError: in Kubernetes' words.
    """
    for text, problems in ((key, names.qualified_errors(key)), (value, names.label_value_errors(value))):
        if problems:
            raise UserError(f'invalid label "{text}": {"; ".join(problems)}')
