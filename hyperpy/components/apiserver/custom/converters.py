"""How the versions of a custom kind convert: by name only, or by asking the webhook that its definition names.

A webhook is asked once for all the objects of a read. It has TIMEOUT_S seconds.
"""

from __future__ import annotations

import base64
import binascii
import random
import uuid
from collections.abc import Sequence

from hyperpy.api import errors
from hyperpy.api.custom import review
from hyperpy.api.custom.converting import Convert, rename
from hyperpy.components.apiserver.admission.dynamic import service
from hyperpy.components.apiserver.admission.dynamic.caller import Caller, CallFailed
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects

#: Source: the API server's limit for conversion webhooks.
TIMEOUT_S = 30.0


class ConversionFailed(errors.StatusError):
    """A webhook did not convert; the API server gives no reason for it but the message."""

    code, reason = 500, ""


class Converters:
    """Makes what converts between the versions of a definition; `aclose` ends the connections to webhooks."""

    def __init__(self, objects: Objects, rng: random.Random) -> None:
        self._objects = objects
        self._rng = rng
        self._caller = Caller()

    def of(self, crd: Obj) -> Convert:
        """What converts between the versions of a definition."""
        conversion = crd["spec"].get("conversion") or {}
        return rename if conversion.get("strategy") != "Webhook" else self._by_webhook(conversion["webhook"])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caller.aclose()

    def _by_webhook(self, webhook: Obj) -> Convert:
        config = webhook["clientConfig"]
        trusted = _pem(config.get("caBundle"))
        version = review.version(webhook.get("conversionReviewVersions") or ())

        async def convert(objs: Sequence[Obj], wanted: str) -> list[Obj]:
            if version is None:
                raise ConversionFailed("no supported conversion review versions")
            uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
            asked = review.question(version, objs, wanted, uid=uid)
            subject = f"conversion webhook for {objs[0]['apiVersion']}, Kind={objs[0]['kind']}"
            try:
                return review.answer(await self._call(config, trusted, asked), asked)
            except review.BadAnswer as error:
                raise ConversionFailed(f"{subject} {error}") from error
            except CallFailed as error:
                raise ConversionFailed(f"{subject} failed: {error}") from error
            except errors.StatusError as error:
                raise ConversionFailed(f"{subject} failed: {service.words(error, config)}") from error

        return convert

    async def _call(self, config: Obj, trusted: bytes | None, asked: Obj) -> object:
        url = f"{service.shown_url(config)}?timeout={TIMEOUT_S:.0f}s"
        endpoint = await service.endpoint(config, url, trusted, objects=self._objects, rng=self._rng)
        return await self._caller.call(endpoint, asked, timeout_s=TIMEOUT_S)


def _pem(bundle: str | None) -> bytes | None:
    try:
        return base64.b64decode(bundle) if bundle else None
    except (binascii.Error, ValueError):
        return b""
