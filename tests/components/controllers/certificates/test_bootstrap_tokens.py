"""Bootstrap tokens: they sign the cluster's public address, and go when they expire."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from hyperpy.api import kinds, meta
from hyperpy.components.controllers import table
from hyperpy.components.controllers.certificates import bootstrapsigner, tokencleaner

from ..faults import FAULTS, survive

NOW = 1_700_000_000.0


def secret(name: str = "abcdef", expires: float | None = None, **data: str) -> dict[str, Any]:
    texts = {"token-id": name, "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true", **data}
    if expires is not None:
        texts["expiration"] = meta.timestamp(expires)
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    metadata = {"name": f"bootstrap-token-{name}", "namespace": "kube-system"}
    return {"metadata": metadata, "type": tokencleaner.TYPE, "data": encoded}


def info(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": "where", **data}}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(secret(), None, id="no-end"),
        pytest.param(secret(expires=NOW + 60), 60, id="later"),
        pytest.param(secret(expires=NOW - 60), 0, id="expired"),
        pytest.param(secret(expiration="soon"), 0, id="unreadable"),
        pytest.param({**secret(expires=NOW - 60), "type": "Opaque"}, None, id="another-type"),
    ],
)
def test_when_a_token_goes(subject: dict[str, Any], expected: float | None) -> None:
    assert tokencleaner.plan(subject, now=NOW) == expected


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(secret(**{"usage-bootstrap-signing": "false"}), id="not-for-that"),
        pytest.param(secret(expires=NOW - 1), id="expired"),
        pytest.param({**secret(), "metadata": {"name": "bootstrap-token-other"}}, id="misnamed"),
    ],
)
def test_other_tokens_do_not_sign_and_old_signatures_go(subject: dict[str, Any]) -> None:
    found = bootstrapsigner.plan(info(**{"jws-kubeconfig-abcdef": "old"}), [subject], now=NOW)
    assert found is not None and found["data"] == {"kubeconfig": "where"}


def test_a_signature_is_a_web_signature_without_its_content() -> None:
    found = bootstrapsigner.plan(info(), [secret()], now=NOW)
    assert found is not None
    header, between, signature = found["data"]["jws-kubeconfig-abcdef"].split(".")
    content = base64.urlsafe_b64encode(b"where").rstrip(b"=").decode()
    assert between == ""
    with pytest.warns(InsecureKeyLengthWarning):  # these tokens have sixteen characters
        checked = jwt.api_jws.decode_complete(
            f"{header}.{content}.{signature}", "0123456789abcdef", algorithms=["HS256"]
        )
    assert checked["payload"] == b"where" and checked["header"] == {"alg": "HS256", "kid": "abcdef"}
    assert bootstrapsigner.plan(found, [secret()], now=NOW) is None


def test_they_run_when_they_are_named_only() -> None:
    assert not {"tokencleaner", "bootstrapsigner"} & {row.alias for row in table.chosen(["*"])}
    assert [row.alias for row in table.chosen(["tokencleaner"])] == ["tokencleaner"]


class Expiring:
    """Of two tokens one expires: it is deleted, and its signature goes."""

    controllers = ("tokencleaner", "bootstrapsigner")
    kinds = (kinds.SECRET, kinds.CONFIG_MAP)

    async def act(self, world: Any) -> None:
        now = world.clock.now()
        await world.client.create(kinds.CONFIG_MAP, info())
        await world.client.create(kinds.SECRET, secret("aaaaaa", now + 60))
        await world.client.create(kinds.SECRET, secret("bbbbbb", now + 86_400))
        await world.clock.advance(61)

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.CONFIG_MAP, "cluster-info", namespace="kube-public")
        left = [each["metadata"]["name"] for each in await world.list(kinds.SECRET, "kube-system")]
        return left == ["bootstrap-token-bbbbbb"] and sorted(found["data"]) == ["jws-kubeconfig-bbbbbb", "kubeconfig"]

    async def check(self, world: Any) -> None:
        await world.clock.advance(86_400)
        found = await world.client.get(kinds.CONFIG_MAP, "cluster-info", namespace="kube-public")
        assert found["data"] == {"kubeconfig": "where"}
        assert not await world.list(kinds.SECRET, "kube-system")


@pytest.mark.parametrize("fault", FAULTS)
async def test_expired_tokens_go_whatever_happens(fault: str) -> None:
    await survive(Expiring(), fault)
