"""The command line of the API server: what cannot be is told in one line."""

import pytest
from typer.testing import CliRunner

from hyperpy.commands import UserError
from hyperpy.components.apiserver.command import app


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--anonymous-auth=maybe"], "--anonymous-auth=maybe: use true or false"),
        (
            ["--etcd-servers=https://127.0.0.1:1", "--etcd-cafile=/nowhere"],
            "the store cannot be used: the TLS files for etcd cannot be used",
        ),
        (
            ["--datastore-endpoint=postgresql://me:secret@127.0.0.1:port/db"],
            "the store cannot be used: the store's address has the port 'port', which is not a number",
        ),
        (["--datastore-endpoint=mysql://me@db/x"], "a store at mysql:// is not known"),
        (
            ["--datastore-endpoint=postgresql://db/x", "--etcd-servers=http://127.0.0.1:1"],
            "--datastore-endpoint (or $HYPERPY_DATASTORE_ENDPOINT) and --etcd-servers both say where objects are kept",
        ),
        (["--portal-net=10.0.0.0/99"], "--service-cluster-ip-range: '10.0.0.0/99' does not appear to be"),
        (["--port=8080", "--address=0.0.0.0"], "may listen on a loopback address only"),
        (["--token-auth-file=/nowhere"], "--token-auth-file: cannot read /nowhere"),
        (["--client-ca-file=/dev/null"], "--client-ca-file: cannot use /dev/null: not PEM"),
        (["--tls-cert-file=/nowhere"], "--tls-cert-file and --tls-private-key-file must be given together"),
        (["--requestheader-client-ca-file=/dev/null"], "--requestheader-client-ca-file: cannot use /dev/null"),
        (["--proxy-client-cert-file=/nowhere"], "--proxy-client-cert-file and --proxy-client-key-file must be given"),
        (["--audit-policy-file=/nowhere", "--audit-log-path=-"], "--audit-policy-file: cannot read /nowhere"),
        (["--request-timeout=soon"], "--request-timeout=soon is no duration"),
        (["--etcd-servers=127.0.0.1:port"], "the etcd address '127.0.0.1:port' is not of the form http://HOST:PORT"),
        (["--etcd-prefix=/mine"], "--etcd-prefix /mine is not supported: objects are kept below /registry"),
        (["--etcd-certfile=/nowhere"], "are for an etcd; name it: --etcd-servers"),
        (["--etcd-healthcheck-timeout=2"], "--etcd-healthcheck-timeout=2 is no duration"),
        (["--etcd-compaction-interval=often"], "--etcd-compaction-interval=often is no duration"),
        (["--shutdown-delay-duration=5"], "--shutdown-delay-duration=5 is no duration"),
        (["--cors-allowed-origins=example"], "--cors-allowed-origins example: regular expression does not pin"),
        (["--service-account-signing-key-file=/dev/null"], "cannot use the signing key /dev/null"),
    ],
)
def test_a_flag_that_cannot_be_used_is_told(tmp_path, arguments, text):
    always = ["--data-dir", str(tmp_path / "data"), "--secure-port", "0", "--bind-address", "127.0.0.1"]
    result = CliRunner().invoke(app, [*always, *arguments])
    assert isinstance(result.exception, UserError)
    assert text in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_data_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    result = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "--secure-port", "0"])
    assert "not a hyperpy data directory" in str(result.exception)
    assert (tmp_path / "letters.txt").read_text() == "dear"
