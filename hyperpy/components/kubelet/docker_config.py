"""Registry logins as Docker's own programs write them: `config.json` and the older `.dockercfg`, in pull secrets.

Imported only when a pod has pull secrets: reading them is the one thing here that needs pydantic.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, RootModel, ValidationError

from hyperpy.runtime.protocol import RegistryAuth


class Unreadable(ValueError):
    """The secret holds something else; the text says where it is wrong."""


class Login(BaseModel):
    """One registry's entry: a name and password, or both in `auth` as base64 of `name:password`."""

    username: str = ""
    password: str = ""
    auth: str = ""

    def credentials(self) -> RegistryAuth | None:
        """The login, or None when the entry holds none."""
        if self.username:
            return RegistryAuth(self.username, self.password)
        try:
            user, colon, password = base64.b64decode(self.auth).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return RegistryAuth(user, password) if colon else None


class Config(BaseModel):
    """`config.json`; what else it may hold is for other programs."""

    auths: dict[str, Login] = {}


class LegacyConfig(RootModel[dict[str, Login]]):
    """`.dockercfg`: the logins alone."""


def logins(data: Mapping[str, bytes]) -> Iterator[tuple[str, RegistryAuth]]:
    """Server and login of every usable entry in a pull secret's data.

    Raises:
        Unreadable: it is not what its key says.
    """
    try:
        if ".dockerconfigjson" in data:
            entries = Config.model_validate_json(data[".dockerconfigjson"]).auths
        else:
            entries = LegacyConfig.model_validate_json(data.get(".dockercfg", b"{}")).root
    except ValidationError as error:
        first = error.errors()[0]
        raise Unreadable(f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}") from error
    for server, login in entries.items():
        credentials = login.credentials()
        if credentials is not None:
            yield server, credentials
