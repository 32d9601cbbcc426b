"""The cluster's own certificates: made once, reused, renewed, and believed by real TLS."""

import json
import ssl
import stat

import pytest

from hyperpy.components.apiserver.credentials.pki import LIFETIME_S, Pki
from hyperpy.components.supervisor import StartFailure

NOW = 1_800_000_000.0


def make(path, now=NOW):
    return Pki(path / "pki", now=lambda: now)


def decoded(path):
    return ssl._ssl._test_decode_cert(str(path))


def test_a_client_certificate_names_the_user_and_its_groups(tmp_path):
    found = make(tmp_path).client("admin", user="kubernetes-admin", groups=["system:masters", "b"])
    subject = [pair for name in decoded(found.cert_file)["subject"] for pair in name]
    assert subject == [
        ("organizationName", "system:masters"),
        ("organizationName", "b"),
        ("commonName", "kubernetes-admin"),
    ]


def test_a_serving_certificate_names_hosts_and_addresses(tmp_path):
    found = make(tmp_path).server("apiserver", title="kube-apiserver", hosts=["localhost", "10.96.0.1", "::1"])
    assert set(decoded(found.cert_file)["subjectAltName"]) == {
        ("DNS", "localhost"),
        ("IP Address", "10.96.0.1"),
        ("IP Address", "0:0:0:0:0:0:0:1"),
    }


def test_private_files_are_readable_by_their_owner_only(tmp_path):
    make(tmp_path).client("admin", user="a")
    for file in (tmp_path / "pki").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


def test_a_second_start_reuses_everything(tmp_path):
    first = make(tmp_path).client("admin", user="a").cert_pem()
    pki = make(tmp_path)
    assert pki.client("admin", user="a").cert_pem() == first


@pytest.mark.parametrize(
    ("later_s", "same"),
    [(LIFETIME_S - 40 * 86_400, True), (LIFETIME_S - 20 * 86_400, False)],
    ids=["long before expiry", "near expiry"],
)
def test_a_certificate_is_renewed_near_its_expiry(tmp_path, later_s, same):
    first = make(tmp_path).client("admin", user="a").cert_pem()
    again = make(tmp_path, now=NOW + later_s).client("admin", user="a").cert_pem()
    assert (again == first) is same


def test_a_changed_name_list_has_the_certificate_issued_anew(tmp_path):
    pki = make(tmp_path)
    first = pki.server("apiserver", title="t", hosts=["a", "b"]).cert_pem()
    assert pki.server("apiserver", title="t", hosts=["b", "a"]).cert_pem() == first
    assert pki.server("apiserver", title="t", hosts=["a", "c"]).cert_pem() != first


def test_a_damaged_pair_is_issued_anew(tmp_path):
    pki = make(tmp_path)
    pair = pki.client("admin", user="a")
    pair.key_file.write_text("rubbish")
    again = make(tmp_path).client("admin", user="a")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(again.cert_file, again.key_file)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"admin": {}})], ids=["cut off", "a list", "empty entry"])
def test_a_damaged_index_only_means_issuing_again(tmp_path, content):
    make(tmp_path).client("admin", user="a")
    (tmp_path / "pki" / "index.json").write_text(content)
    assert make(tmp_path).client("admin", user="a").cert_pem()


def test_a_missing_authority_key_is_told_when_it_is_needed(tmp_path):
    make(tmp_path)
    (tmp_path / "pki" / "ca.key").unlink()
    with pytest.raises(StartFailure, match=r"cannot issue a certificate for \"a\": .*ca\.key is missing"):
        make(tmp_path).client("admin", user="a")


def test_a_name_too_long_for_a_certificate_is_refused(tmp_path):
    with pytest.raises(StartFailure, match="longer than 64 characters"):
        make(tmp_path).client("kubelet", user="system:node:" + "n" * 60)


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "pki").write_text("a file")
    with pytest.raises(StartFailure, match="cannot use the keys in"):
        make(tmp_path)
