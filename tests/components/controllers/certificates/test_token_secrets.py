"""Tokens in Secrets: filled, kept with their account, cleaned away when nobody uses them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import errors, kinds, meta
from hyperpy.components.apiserver.authn.authentication import AccountTokens
from hyperpy.components.apiserver.authn.tokens import InvalidToken, TokenSigner
from hyperpy.components.apiserver.credentials import certificates as keys
from hyperpy.components.controllers.certificates import token_secrets

from ..faults import FAULTS, survive

DAY_S = 86_400
NOW = 1_700_000_000.0
ACCOUNT = {"metadata": {"name": "robot", "namespace": "default", "uid": "u"}}


def secret(name: str = "robot-token", account: str = "robot", **more: Any) -> dict[str, Any]:
    annotations = {token_secrets.ACCOUNT: account}
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"metadata": metadata, "type": token_secrets.TYPE, **more}


def test_a_secret_is_filled_with_what_is_missing_and_then_left_alone() -> None:
    found = token_secrets.filled(secret(), ACCOUNT, root_ca=b"ca", token="t")
    assert found is not None
    assert {name: base64.b64decode(text) for name, text in found["data"].items()} == {
        "token": b"t", "namespace": b"default", "ca.crt": b"ca",
    }  # fmt: skip
    assert found["metadata"]["annotations"][token_secrets.ACCOUNT_UID] == "u"
    assert token_secrets.filled(found, ACCOUNT, root_ca=b"ca", token="") is None
    again = token_secrets.filled(found, ACCOUNT, root_ca=b"new", token="")
    assert again is not None and again["data"]["token"] == found["data"]["token"]


def day(seconds: float) -> str:
    return meta.timestamp(seconds)[:10]


def old(**labels: str) -> dict[str, Any]:
    prefix = "kubernetes.io/legacy-token-"
    named = {f"{prefix}{name.replace('_', '-')}": value for name, value in labels.items()}
    return {"metadata": {"creationTimestamp": meta.timestamp(NOW - 900 * DAY_S), "labels": named}}


MARK, DELETE = token_secrets.Cleaning(mark=True), token_secrets.Cleaning(delete=True)


def ago(days: int) -> str:
    return day(NOW - days * DAY_S)


@pytest.mark.parametrize(
    ("subject", "since", "expected"),
    [
        pytest.param(old(), ago(500), MARK, id="never-used"),
        pytest.param(old(), "", token_secrets.Cleaning(), id="not-tracked"),
        pytest.param(old(last_used=ago(400)), ago(500), MARK, id="used-long-ago"),
        pytest.param(old(last_used="yesterday"), ago(500), token_secrets.Cleaning(), id="unreadable"),
        pytest.param(old(invalid_since=ago(400)), ago(900), DELETE, id="long-invalid"),
        pytest.param(old(invalid_since="2023-99-99"), ago(900), MARK, id="marked-with-no-day"),
    ],
)
def test_what_becomes_of_an_unused_token(subject: dict[str, Any], since: str, expected: token_secrets.Cleaning) -> None:
    assert token_secrets.cleaning(subject, tracked_since=since, now=NOW, unused_s=365 * DAY_S) == expected


@given(
    st.integers(0, 900), st.none() | st.integers(0, 900), st.none() | st.integers(0, 900), st.integers(1, 400)
)  # fmt: skip
def test_a_token_is_never_touched_within_its_time(
    tracked: int, used: int | None, invalid: int | None, kept: int
) -> None:
    labels = {}
    if used is not None:
        labels["last_used"] = day(NOW - used * DAY_S)
    if invalid is not None:
        labels["invalid_since"] = day(NOW - invalid * DAY_S)
    found = token_secrets.cleaning(
        old(**labels), tracked_since=day(NOW - tracked * DAY_S), now=NOW, unused_s=kept * DAY_S
    )
    if found.mark or found.delete:
        assert tracked > kept and (used is None or used > kept)
    if found.delete:
        assert invalid is not None and invalid > kept
    now = NOW
    while found.wait_s is not None:
        assert found.wait_s > 0
        now += found.wait_s
        found = token_secrets.cleaning(
            old(**labels), tracked_since=day(NOW - tracked * DAY_S), now=now, unused_s=kept * DAY_S
        )
    assert found.mark or found.delete


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "sa.key"
    path.write_bytes(keys.make_key())
    return path


async def token(world: Any, name: str = "robot-token") -> str:
    found = await world.client.get(kinds.SECRET, name, namespace="default")
    return base64.b64decode((found.get("data") or {}).get("token", "")).decode()


async def account(world: Any, name: str = "robot", **more: Any) -> Any:
    return await world.client.create(
        kinds.SERVICE_ACCOUNT, {"metadata": {"name": name, "namespace": "default"}, **more}
    )


def verifier(world: Any, key_file: Path) -> AccountTokens:
    signer = TokenSigner(issuer="us", signing_key_file=key_file, now=world.clock.now)
    clock = world.clock
    return AccountTokens(world.client, signer, audiences=("api",), monotonic=clock.monotonic, now=clock.now)


async def test_a_secret_for_an_account_gets_a_token_that_logs_in_until_it_is_gone(world: Any, key_file: Path) -> None:
    await world.start("serviceaccount-token", service_account_key_file=key_file, root_ca_pem=b"ca")
    await account(world)
    await world.client.create(kinds.SECRET, secret())
    issued = await world.until(lambda: token(world))
    accounts = verifier(world, key_file)
    user = await accounts.user(issued)
    assert user.name == "system:serviceaccount:default:robot" and not user.extra
    noted = await world.client.get(kinds.SECRET, "robot-token", namespace="default")
    assert noted["metadata"]["labels"] == {token_secrets.LAST_USED: day(world.clock.now())}
    with pytest.raises(InvalidToken, match="for this server only"):
        await accounts.claims(issued, audiences=["vault"])
    await world.client.delete(kinds.SERVICE_ACCOUNT, "robot", namespace="default")

    async def gone() -> bool:
        return not await world.list(kinds.SECRET)

    await world.until(gone)
    with pytest.raises(errors.Unauthorized):
        await verifier(world, key_file).user(issued)


async def test_a_token_that_was_replaced_or_marked_is_not_taken(world: Any, key_file: Path) -> None:
    await world.start("serviceaccount-token", service_account_key_file=key_file)
    await account(world)
    await world.client.create(kinds.SECRET, secret())
    issued = await world.until(lambda: token(world))
    accounts = verifier(world, key_file)
    labels = {"metadata": {"labels": {token_secrets.INVALID_SINCE: "2023-01-01"}}}
    await world.client.patch(kinds.SECRET, "robot-token", labels, namespace="default")
    with pytest.raises(InvalidToken, match="has been marked invalid"):
        await accounts.claims(issued, audiences=["api"])
    body = {"metadata": {"labels": None}, "data": {"token": base64.b64encode(b"other").decode()}}
    await world.client.patch(kinds.SECRET, "robot-token", body, namespace="default")
    with pytest.raises(InvalidToken, match="has been invalidated"):
        await accounts.claims(issued, audiences=["api"])


async def test_an_account_made_anew_gets_no_token_of_the_old_one(world: Any, key_file: Path) -> None:
    await world.start("serviceaccount-token", service_account_key_file=key_file)
    await account(world)
    await world.client.create(kinds.SECRET, secret())
    await world.until(lambda: token(world))
    await world.stop()
    await world.client.delete(kinds.SERVICE_ACCOUNT, "robot", namespace="default")
    await account(world)
    await world.start("serviceaccount-token", service_account_key_file=key_file)

    async def gone() -> bool:
        return not await world.list(kinds.SECRET)

    await world.until(gone)


async def test_a_token_nobody_uses_is_marked_after_a_year_and_gone_after_two(world: Any) -> None:
    await world.start("legacy-serviceaccount-token-cleaner")
    await account(world, secrets=[{"name": "listed"}, {"name": "mounted"}])
    for name in ("listed", "mounted", "by-hand"):
        await world.client.create(kinds.SECRET, secret(name))
    volumes = [{"name": "v", "secret": {"secretName": "mounted"}}]
    spec = {"containers": [{"name": "c", "image": "x"}], "volumes": volumes}
    await world.client.create(kinds.POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})

    async def marked() -> list[str]:
        found = await world.list(kinds.SECRET)
        return [each["metadata"]["name"] for each in found if each["metadata"].get("labels")]

    await world.clock.advance(365 * DAY_S)
    assert await marked() == []
    await world.clock.advance(2 * DAY_S)
    assert await marked() == ["listed"]
    await world.clock.advance(370 * DAY_S)
    assert sorted(each["metadata"]["name"] for each in await world.list(kinds.SECRET)) == ["by-hand", "mounted"]


class Tokens:
    """Secrets come before and after their accounts; one account goes."""

    controllers = ("serviceaccount-token",)
    kinds = (kinds.SECRET, kinds.SERVICE_ACCOUNT)

    def __init__(self, key_file: Path) -> None:
        self.options = {"service_account_key_file": key_file}

    async def act(self, world: Any) -> None:
        await account(world)
        await account(world, "leaves")
        await world.client.create(kinds.SECRET, secret())
        await world.client.create(kinds.SECRET, secret("leaves-token", "leaves"))
        await world.client.create(kinds.SECRET, secret("orphan", "nobody"))
        await world.client.delete(kinds.SERVICE_ACCOUNT, "leaves", namespace="default")

    async def settled(self, world: Any) -> bool:
        found = [each["metadata"]["name"] for each in await world.list(kinds.SECRET)]
        return found == ["robot-token"] and bool(await token(world))

    async def check(self, world: Any) -> None:
        assert world.faulty.done.count(("update", kinds.SECRET)) <= 2


class Unused:
    """A token is marked and goes; the one that is used stays."""

    controllers = ("legacy-serviceaccount-token-cleaner",)
    kinds = (kinds.SECRET, kinds.SERVICE_ACCOUNT)

    def __init__(self) -> None:
        self.options = {"legacy_token_unused_s": float(2 * DAY_S)}

    async def act(self, world: Any) -> None:
        await account(world, secrets=[{"name": "listed"}, {"name": "used"}])
        await world.client.create(kinds.SECRET, secret("listed"))
        used = secret("used")
        used["metadata"]["labels"] = {token_secrets.LAST_USED: day(world.clock.now() + 30 * DAY_S)}
        await world.client.create(kinds.SECRET, used)
        await world.clock.advance(8 * DAY_S)

    async def settled(self, world: Any) -> bool:
        await world.clock.advance(DAY_S)
        return [each["metadata"]["name"] for each in await world.list(kinds.SECRET)] == ["used"]

    async def check(self, world: Any) -> None:
        found = await world.client.get(kinds.SECRET, "used", namespace="default")
        assert token_secrets.INVALID_SINCE not in found["metadata"]["labels"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_secrets_have_one_token_whatever_happens(fault: str, key_file: Path) -> None:
    await survive(Tokens(key_file), fault)


@pytest.mark.parametrize("fault", FAULTS)
async def test_unused_tokens_go_whatever_happens(fault: str) -> None:
    await survive(Unused(), fault)
