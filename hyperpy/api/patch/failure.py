"""What can be wrong with a patch.

PatchError
├── MalformedPatch   the patch itself makes no sense: BadRequest
└── PatchFailed      it does not apply to this object: 422, as the API server answers
"""

from __future__ import annotations


class PatchError(ValueError):
    """A patch cannot be applied; the message is Kubernetes' own."""


class MalformedPatch(PatchError):
    """The patch itself makes no sense."""


class PatchFailed(PatchError):
    """The patch does not apply to this object."""
