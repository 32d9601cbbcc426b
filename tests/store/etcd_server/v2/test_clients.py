"""Programs of etcd 2's time against our server: Debian's etcdctl with its v2 commands, python-etcd, curl."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import etcd
import pytest
from store.etcd_server.v2.process import running_hyperpy


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_hyperpy(tmp_path_factory.mktemp("clients") / "data") as address:
        yield address


class Etcdctl:
    """Runs etcdctl; its standard output comes back."""

    def __init__(self, address: str) -> None:
        self.environment = {**os.environ, "ETCDCTL_API": "2", "ETCDCTL_ENDPOINTS": address}

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["etcdctl", *words], env=self.environment, capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def index_of(self, key: str) -> int:
        """Set a key to 1 and tell the index of that."""
        told = self("-o", "extended", "set", key, "1")
        return int(told.split("Modified-Index: ")[1].split()[0])

    @contextmanager
    def lines(self, *words: str) -> Iterator[Iterator[str]]:
        """The output of a command that goes on."""
        with subprocess.Popen(["etcdctl", *words], env=self.environment, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            try:
                yield running.stdout
            finally:
                running.kill()

    def failure(self, *words: str) -> str:
        done = subprocess.run(
            ["etcdctl", *words], env=self.environment, capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode != 0
        return done.stderr


@pytest.fixture
def etcdctl(address: str) -> Iterator[Etcdctl]:
    etcdctl = Etcdctl(address)
    yield etcdctl
    for name in etcdctl("ls", "/").split():
        etcdctl("rm", "--recursive", name)


@pytest.fixture
def client(address: str) -> etcd.Client:
    host, port = address.removeprefix("http://").split(":")
    return etcd.Client(host=host, port=int(port), read_timeout=20)


def test_etcdctl_sets_gets_and_removes(etcdctl: Etcdctl) -> None:
    assert etcdctl("set", "/a/b", "1") == "1\n"
    assert etcdctl("update", "/a/b", "2") == "2\n"
    assert etcdctl("get", "/a/b") == "2\n"
    assert etcdctl("mk", "/a/c", "3") == "3\n"
    assert "105: Key already exists (/a/c)" in etcdctl.failure("mk", "/a/c", "4")
    assert etcdctl("set", "/a/c", "5", "--swap-with-value", "3") == "5\n"
    assert "101: Compare failed ([3 != 5])" in etcdctl.failure("set", "/a/c", "6", "--swap-with-value", "3")
    etcdctl("rm", "/a/c", "--with-value", "5")
    assert "100: Key not found (/a/c)" in etcdctl.failure("get", "/a/c")


def test_etcdctl_makes_lists_and_removes_directories(etcdctl: Etcdctl) -> None:
    etcdctl("mkdir", "/d")
    etcdctl("setdir", "/d/e", "--ttl", "100")
    etcdctl("updatedir", "/d/e", "--ttl", "200")
    etcdctl("set", "/d/x", "1")
    etcdctl("set", "/d/_hidden", "1")
    assert etcdctl("ls", "--recursive", "-p", "--sort", "/").split() == ["/d/", "/d/e/", "/d/x"]
    assert "108: Directory not empty (/d)" in etcdctl.failure("rmdir", "/d")
    assert "102: Not a file (/d)" in etcdctl.failure("rm", "/d")
    etcdctl("rmdir", "/d/e")
    etcdctl("rm", "--recursive", "/d")
    assert etcdctl("ls", "/") == ""


def test_etcdctl_watches(etcdctl: Etcdctl) -> None:
    index = etcdctl.index_of("/w/a")
    etcdctl("set", "/w/b", "2")
    etcdctl("rm", "/w/b")
    with etcdctl.lines("watch", "--recursive", "--forever", "--after-index", str(index - 1), "/w") as lines:
        assert [next(lines) for _ in range(5)] == ["[set] /w/a\n", "1\n", "[set] /w/b\n", "2\n", "[delete] /w/b\n"]


def test_etcdctl_runs_a_command_for_a_change(etcdctl: Etcdctl) -> None:
    after = str(etcdctl.index_of("/w/a") - 1)
    with etcdctl.lines("exec-watch", "--after-index", after, "--recursive", "/w", "--", "env") as lines:
        seen: dict[str, str] = {}
        while "ETCD_WATCH_VALUE" not in seen:
            name, _, value = next(lines).rstrip("\n").partition("=")
            seen[name] = value
    assert [seen[f"ETCD_WATCH_{name}"] for name in ("ACTION", "KEY", "VALUE")] == ["set", "/w/a", "1"]


def test_etcdctl_finds_the_cluster_healthy(etcdctl: Etcdctl, address: str) -> None:
    assert "cluster is healthy" in etcdctl("cluster-health")
    listed = etcdctl("member", "list")
    assert ": name=default peerURLs=" in listed and f" clientURLs={address} isLeader=true" in listed
    assert "does not serve POST of /v2/members" in etcdctl.failure("member", "add", "two", "http://127.0.0.1:1")
    assert "/v2/auth/users is not served" in etcdctl.failure("user", "list")


def test_python_etcd_reads_and_writes(client: etcd.Client) -> None:
    client.write("/p/a", "1", ttl=100)
    assert (client.read("/p/a").value, client.read("/p/a").ttl) == ("1", 100)
    client.refresh("/p/a", 200)
    assert client.read("/p/a").ttl == 200
    client.test_and_set("/p/a", "2", "1")
    with pytest.raises(etcd.EtcdCompareFailed):
        client.test_and_set("/p/a", "2", "1")
    with pytest.raises(etcd.EtcdAlreadyExist):
        client.write("/p/a", "3", prevExist=False)
    with pytest.raises(etcd.EtcdNotFile):
        client.write("/p", "3")
    queued = [client.write("/q", str(i), append=True).key for i in range(3)]
    assert [child.key for child in client.read("/q", sorted=True).children] == queued
    assert client.pop("/p/a").value == "2"
    with pytest.raises(etcd.EtcdKeyNotFound):
        client.read("/p/a")
    client.delete("/p", dir=True)
    client.delete("/q", recursive=True)
    assert client.leader["name"] == "default"


def test_python_etcd_waits_and_locks(client: etcd.Client, address: str) -> None:
    index = client.write("/w", "1").modifiedIndex
    assert client.watch("/w", index=index).value == "1"
    writer = threading.Timer(0, client.write, ("/w", "2"))
    writer.start()
    assert client.watch("/w", index=index + 1, timeout=20).value == "2"
    writer.join()
    lock, other = etcd.Lock(client, "l"), etcd.Lock(client, "l")
    assert lock.acquire(lock_ttl=60)
    assert not other.acquire(blocking=False)
    lock.release()
    assert other.acquire(blocking=False)
    other.release()


def test_curl_puts_and_gets(address: str) -> None:
    def curl(*words: str) -> str:
        return subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, check=True, timeout=20).stdout

    put = curl("-L", "-XPUT", f"{address}/v2/keys/message", "-d", "value=Hello world", "-w", "%{http_code}")
    assert put.startswith('{"action":"set","node":{"key":"/message","value":"Hello world",') and put.endswith("201")
    assert '"value":"Hello world"' in curl("-L", f"{address}/v2/keys/message")
    assert '"errorCode":107,"message":"Root is read only"' in curl("-XDELETE", f"{address}/v2/keys/?recursive=true")
