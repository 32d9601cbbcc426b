"""kubeconfig: found, merged, read from JSON and YAML, written for its owner only, refused by name."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import orjson
import pytest

from hyperpy.client import kubeconfig
from hyperpy.client.kubeconfig import ClusterAccess, KubeconfigError

ACCESS = ClusterAccess("https://127.0.0.1:6443", b"CA", b"CERT", b"KEY", "tok", "apps")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HYPERPY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def _yaml(server: str, *, context: str = "one", current: str = "", user: str = "{token: t}") -> str:
    return f"""
apiVersion: v1
kind: Config
current-context: "{current}"
clusters:
- name: {context}
  cluster: {{server: "{server}"}}
contexts:
- name: {context}
  context: {{cluster: {context}, user: {context}}}
users:
- name: {context}
  user: {user}
"""


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "kubeconfig"
    kubeconfig.write(file, ACCESS)
    assert kubeconfig.load(file) == ACCESS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["kubeconfig"]


def test_an_insecure_server_needs_no_authority(tmp_path: Path) -> None:
    kubeconfig.write(tmp_path / "k", ClusterAccess("https://x", insecure=True))
    assert kubeconfig.load(tmp_path / "k") == ClusterAccess("https://x", insecure=True)


def test_yaml_and_relative_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"CA")
    (tmp_path / "token").write_text("secret\n")
    text = _yaml("https://y", current="one", user="{tokenFile: token}")
    (tmp_path / "k").write_text(text.replace('"https://y"', '"https://y", certificate-authority: ca.crt'))
    assert kubeconfig.load(tmp_path / "k") == ClusterAccess("https://y", ca_pem=b"CA", token="secret")


def test_kubeconfig_lists_are_merged_and_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text(_yaml("https://a"))
    (tmp_path / "b").write_text(_yaml("https://b", current="one"))
    (tmp_path / "c").write_text(_yaml("https://c", context="two", current="two"))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/missing:{tmp_path}/b:{tmp_path}/c")
    assert kubeconfig.load().server == "https://a"
    assert kubeconfig.load(context="two").server == "https://c"


def test_the_data_dir_comes_before_home(tmp_path: Path) -> None:
    kubeconfig.write(tmp_path / "home" / ".kube" / "config", ClusterAccess("https://home"))
    assert kubeconfig.load().server == "https://home"
    kubeconfig.write(tmp_path / "data" / "kubeconfig", ClusterAccess("https://data"))
    assert kubeconfig.load().server == "https://data"


def test_no_kubeconfig_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=f"looked at {tmp_path}/data/kubeconfig, {tmp_path}/home/.kube/config"):
        kubeconfig.load()


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="no such file"):
        kubeconfig.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_yaml("https://a"), "no current-context is set"),
        (_yaml("https://a", current="two"), 'no context "two" .there is: one'),
        (_yaml("", current="one"), "has no server"),
        (_yaml("https://a", current="one", user="{exec: {command: x}}"), 'the field "exec" is not supported'),
        (_yaml("https://a", current="one", user="{client-certificate-data: aGk=}"), "must be given together"),
        (_yaml("https://a", current="one", user="{client-key-data: '###'}"), "client-key-data is not base64"),
        (_yaml("https://a", current="one", user="{tokenFile: nowhere}"), "tokenFile .*nowhere: No such file"),
        ("- 1", "not a mapping"),
        ("clusters: [1]", "must be a list"),
        ("a: b: c", "line 1"),
    ],
)
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "k").write_text(text)
    with pytest.raises(KubeconfigError, match=message) as caught:
        kubeconfig.load(tmp_path / "k")
    assert str(tmp_path / "k") in str(caught.value)


def test_the_file_is_what_other_clients_read(tmp_path: Path) -> None:
    kubeconfig.write(tmp_path / "k", ACCESS, name="c1", user="me")
    document = orjson.loads((tmp_path / "k").read_bytes())
    assert document["contexts"] == [{"name": "c1", "context": {"cluster": "c1", "user": "me", "namespace": "apps"}}]
    assert base64.b64decode(document["users"][0]["user"]["client-key-data"]) == b"KEY"
