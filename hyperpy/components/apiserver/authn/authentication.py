"""Authentication: who asks, by client certificate, token file or ServiceAccount token, or nobody.

Whoever asks without credentials may ask the health and version paths only, and gets 401 for the rest.
"""

from __future__ import annotations

import base64
import csv
import hmac
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.api.wire import Request, UserInfo
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.authn.tokens import Claims, InvalidToken, TokenSigner
from hyperpy.components.apiserver.authz import rbac
from hyperpy.components.supervisor import StartFailure

log = logging.getLogger(__name__)

AUTHENTICATED = "system:authenticated"
ANONYMOUS = UserInfo("system:anonymous", ("system:unauthenticated",))
#: The user of the plain loopback port (Kubernetes' `--insecure-port` of old).
UNSECURED = UserInfo("system:unsecured", ("system:masters", AUTHENTICATED))

#: What answers without credentials, with what is below it.
PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version")

#: How long a verified token is taken without asking again whether its account and bound object still exist.
RECHECK_S = 10.0
#: Verified tokens kept; beyond, all are forgotten and verified again.
MAX_TOKENS = 4096

#: Labels of Secrets with tokens: the day of the last use, and the one since which the token is not taken any more.
LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"

_PREFIX = "authentication.kubernetes.io/"


class Authenticator:
    """Finds the user of a request from the network.

    Args:
        tokens: static tokens (`--token-auth-file`).
        accounts: verifies ServiceAccount tokens.
        anonymous: `--anonymous-auth`. None: nobody may ask the public paths; True: nobody may ask everything (and
            authorization decides); False: nobody may ask nothing.
    """

    def __init__(
        self, *, tokens: Mapping[str, UserInfo], accounts: AccountTokens, anonymous: bool | None = None
    ) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._anonymous = anonymous

    async def user(self, request: Request, certificate_user: UserInfo | None) -> UserInfo:
        """The user who asks.

        Args:
            certificate_user: whom the connection's client certificate names, or None.
        Raises:
            Unauthorized: the credentials are wrong, or missing where they are needed.
        """
        if certificate_user is not None:
            return certificate_user
        header = request.headers.get("authorization")
        if header:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise errors.Unauthorized("Unauthorized")
            token = token.strip()
            return self._tokens.get(token) or await self._accounts.user(token)
        if self._anonymous or (self._anonymous is None and is_public(request.path)):
            return ANONYMOUS
        raise errors.Unauthorized("Unauthorized")


def is_public(path: str) -> bool:
    """Whether a path answers without credentials."""
    return any(path == public or path.startswith(f"{public}/") for public in PUBLIC_PATHS)


def certificate_user(certificate: Mapping[str, Any] | None) -> UserInfo | None:
    """The user a verified client certificate names: CN is the name, every O a group.

    Args:
        certificate: as `ssl.SSLSocket.getpeercert()` gives it.
    """
    name, groups = "", []
    for relative_name in (certificate or {}).get("subject", ()):
        for attribute, value in relative_name:
            if attribute == "commonName":
                name = value
            elif attribute == "organizationName":
                groups.append(value)
    return UserInfo(name, (*groups, AUTHENTICATED)) if name else None


@dataclass(slots=True)
class _Verified:
    claims: Claims
    user: UserInfo
    recheck_at: float


class AccountTokens:
    """Verifies ServiceAccount tokens, and that the account and the object they are bound to still exist.

    Args:
        client: reads accounts, pods, secrets and nodes.
        audiences: one of these must be named by a token that is used against this server.
        monotonic, now: clocks, in seconds.
    """

    def __init__(
        self,
        client: Client,
        signer: TokenSigner,
        *,
        audiences: Sequence[str],
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._signer = signer
        self._audiences = tuple(audiences)
        self._monotonic = monotonic
        self._now = now
        self._verified: dict[str, _Verified] = {}

    async def user(self, token: str) -> UserInfo:
        """The user of a token meant for this server. Raises Unauthorized."""
        known = self._verified.get(token)
        if known is not None and known.recheck_at > self._monotonic() and known.claims.expires > self._now():
            return known.user
        self._verified.pop(token, None)
        try:
            claims = await self.claims(token, audiences=self._audiences)
        except InvalidToken:
            raise errors.Unauthorized("Unauthorized") from None
        if len(self._verified) >= MAX_TOKENS:
            self._verified.clear()
        user = account_user(claims)
        self._verified[token] = _Verified(claims, user, self._monotonic() + RECHECK_S)
        return user

    async def claims(self, token: str, *, audiences: Sequence[str]) -> Claims:
        """What a valid token says. Raises InvalidToken."""
        claims = self._signer.verify(token, audiences=audiences)
        if claims.legacy:
            shared = tuple(name for name in claims.audiences if name in self._audiences)
            if not shared:
                raise InvalidToken("the token is for this server only")
            claims = replace(claims, audiences=shared)
        await self._exists(kinds.SERVICE_ACCOUNT, claims.namespace, claims.name, claims.uid)
        bound = claims.bound
        if claims.legacy:
            await self._kept(token, claims)
        elif bound is not None:
            kind = {"pod": kinds.POD, "secret": kinds.SECRET, "node": kinds.NODE}[bound.kind]
            await self._exists(kind, claims.namespace, bound.name, bound.uid)
        return claims

    async def _kept(self, token: str, claims: Claims) -> None:
        """A token without an end is good as long as it is in its Secret and not marked invalid; its use is noted."""
        assert claims.bound is not None, "tokens of Secrets name them"
        namespace, name = claims.namespace, claims.bound.name
        try:
            secret = await self._client.get(kinds.SECRET, name, namespace=namespace)
        except errors.NotFound:
            raise InvalidToken("service account token has been invalidated") from None
        kept = base64.b64decode((secret.get("data") or {}).get("token") or "").decode(errors="replace")
        labels = secret["metadata"].get("labels") or {}
        if not hmac.compare_digest(kept.encode(), token.encode()) or secret["metadata"].get("deletionTimestamp"):
            raise InvalidToken("service account token has been invalidated")
        if labels.get(INVALID_SINCE):
            raise InvalidToken(
                f"the token in secret {namespace}/{name} has been marked invalid; use tokens of the TokenRequest API, "
                f"or take the label {INVALID_SINCE} off the secret to use it for now"
            )
        today = meta.timestamp(self._now())[:10]
        if labels.get(LAST_USED) != today:
            body = {"metadata": {"uid": secret["metadata"]["uid"], "labels": {LAST_USED: today}}}
            try:
                await self._client.patch(kinds.SECRET, name, body, namespace=namespace)
            except errors.StatusError as error:
                log.warning("the use of the token in secret %s/%s was not noted: %s", namespace, name, error)

    async def _exists(self, kind: kinds.Kind, namespace: str, name: str, uid: str) -> None:
        try:
            obj = await self._client.get(kind, name, namespace=namespace if kind.namespaced else None)
        except errors.NotFound:
            raise InvalidToken(f'{kind.singular} "{name}" of the token is gone') from None
        if obj["metadata"]["uid"] != uid:
            raise InvalidToken(f'{kind.singular} "{name}" of the token was replaced by another')


def account_user(claims: Claims) -> UserInfo:
    """The user that ServiceAccount claims stand for."""
    extra = {f"{_PREFIX}credential-id": (f"JTI={claims.token_id}",)} if claims.token_id else {}
    for bound in (claims.bound, *claims.also):
        if bound is not None and bound.kind in ("pod", "node"):
            extra[f"{_PREFIX}{bound.kind}-name"] = (bound.name,)
            extra[f"{_PREFIX}{bound.kind}-uid"] = (bound.uid,)
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{claims.namespace}", AUTHENTICATED)
    return UserInfo(claims.subject, groups, claims.uid, extra)


def account_groups(name: str) -> tuple[str, ...]:
    """The groups a user name brings along: those of its ServiceAccount, or none."""
    if not name.startswith(rbac.SERVICE_ACCOUNT_PREFIX):
        return ()
    namespace = name.removeprefix(rbac.SERVICE_ACCOUNT_PREFIX).partition(":")[0]
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def read_token_file(path: Path) -> dict[str, UserInfo]:
    """Static tokens: lines of `token,user,uid,"group1,group2"`.

    Raises:
        StartFailure: it cannot be read, or a line is not of this form.
    """
    tokens: dict[str, UserInfo] = {}
    try:
        with path.open(newline="") as file:
            for number, row in enumerate(csv.reader(file, skipinitialspace=True), 1):
                if not row or row[0].startswith("#"):
                    continue
                if len(row) < 3 or not row[0] or not row[1]:
                    raise StartFailure(
                        f'--token-auth-file {path}, line {number}: expected token,user,uid[,"group1,group2"]'
                    )
                groups = [group.strip() for group in row[3].split(",") if group.strip()] if len(row) > 3 else []
                tokens[row[0]] = UserInfo(row[1], (*groups, AUTHENTICATED), row[2])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StartFailure(f"--token-auth-file: cannot read {path}: {error}") from error
    return tokens
