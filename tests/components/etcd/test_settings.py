"""etcd's v3 flags for a cluster of one: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from hyperpy.commands import UserError
from hyperpy.components.etcd import settings
from hyperpy.components.etcd.settings import Retention


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [
        ("periodic", "0", Retention()),
        ("periodic", "5m", Retention(keep_s=300, every_s=30)),
        ("periodic", "2", Retention(keep_s=7200, every_s=60)),
        ("revision", "1000", Retention(keep_revisions=1000, every_s=60)),
    ],
    ids=["off", "minutes", "hours", "revisions"],
)
def test_how_much_history_is_kept(mode: str, text: str, expected: Retention) -> None:
    assert settings.retention(mode, text) == expected


@pytest.mark.parametrize(("mode", "text"), [("often", "1"), ("revision", "5m"), ("periodic", "soon")])
def test_a_retention_that_says_nothing_is_refused(mode: str, text: str) -> None:
    with pytest.raises(UserError, match="--auto-compaction-"):
        settings.retention(mode, text)


def test_the_forms_of_a_single_member_are_taken() -> None:
    peer = "http://127.0.0.1:2380"
    settings.check_alone(name="m", initial_cluster=f"m={peer}", initial_cluster_state="new", peer_urls=[peer])
    settings.check_alone(name="m", initial_cluster="", initial_cluster_state="", peer_urls=[])


@pytest.mark.parametrize(
    ("cluster", "state", "told"),
    [
        ("m=http://a:1,n=http://b:1", "new", "names the member 'n': hyperpy etcd is a cluster of one member"),
        ("m=http://c:1", "new", "they must be the same"),
        ("m=http://a:1", "existing", "--initial-cluster-state=existing is not supported"),
    ],
    ids=["two members", "another address", "joining"],
)
def test_more_than_one_member_is_refused(cluster: str, state: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        settings.check_alone(name="m", initial_cluster=cluster, initial_cluster_state=state, peer_urls=["http://a:1"])


@pytest.mark.parametrize("text", ["0", "-3", "many", ""])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"--max-txn-ops={text} is no number from 1 on"):
        settings.number("--max-txn-ops", text, at_least=1)
