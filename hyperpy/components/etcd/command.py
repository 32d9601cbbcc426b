"""hyperpy etcd: the watch-store as a process of its own, speaking etcd v3 and v2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from hyperpy import flags
from hyperpy.commands import UserError
from hyperpy.components.etcd import settings
from hyperpy.components.etcd.settings import EtcdCommand

if TYPE_CHECKING:
    from hyperpy.components.etcd.component import Address

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=EtcdCommand)
def etcd(
    addr: Annotated[
        str, typer.Option("--addr", envvar="ETCD_ADDR", help="HOST:PORT told to clients (etcd 2.0's form).")
    ] = "",
    bind_addr: Annotated[
        str,
        typer.Option(
            "--bind-addr", envvar="ETCD_BIND_ADDR", help="HOST:PORT to listen on (etcd 2.0's form) [default: --addr]."
        ),
    ] = "",
    data_dir: Annotated[
        str, typer.Option("--data-dir", envvar="ETCD_DATA_DIR", help="Where the data is [default: NAME.etcd].")
    ] = "",
    listen_client_urls: Annotated[
        str,
        typer.Option(
            "--listen-client-urls",
            envvar="ETCD_LISTEN_CLIENT_URLS",
            help="URLs to listen on [default: http://localhost:2379].",
        ),
    ] = "",
    advertise_client_urls: Annotated[
        str,
        typer.Option(
            "--advertise-client-urls",
            envvar="ETCD_ADVERTISE_CLIENT_URLS",
            help="URLs told to clients [default: those it listens on].",
        ),
    ] = "",
    name: Annotated[str, typer.Option("--name", envvar="ETCD_NAME", help="Name of this member.")] = "default",
    cert_file: Annotated[
        str, typer.Option("--cert-file", envvar="ETCD_CERT_FILE", help="The server's certificate, for https URLs.")
    ] = "",
    key_file: Annotated[
        str, typer.Option("--key-file", envvar="ETCD_KEY_FILE", help="The key of that certificate.")
    ] = "",
    trusted_ca_file: Annotated[
        str,
        typer.Option(
            "--trusted-ca-file", envvar="ETCD_TRUSTED_CA_FILE", help="Clients must show a certificate signed by these."
        ),
    ] = "",
    client_cert_auth: Annotated[
        str,
        typer.Option(
            "--client-cert-auth",
            envvar="ETCD_CLIENT_CERT_AUTH",
            metavar=flags.BOOL,
            help="Clients must show a certificate; needs --trusted-ca-file.",
        ),
    ] = "false",
    auto_compaction_mode: Annotated[
        str, typer.Option("--auto-compaction-mode", envvar="ETCD_AUTO_COMPACTION_MODE", help="periodic or revision.")
    ] = "periodic",
    auto_compaction_retention: Annotated[
        str,
        typer.Option(
            "--auto-compaction-retention",
            envvar="ETCD_AUTO_COMPACTION_RETENTION",
            help="History to keep: 5m, a number of hours or, by its mode, of revisions; 0: all.",
        ),
    ] = "0",
    quota_backend_bytes: Annotated[
        str,
        typer.Option(
            "--quota-backend-bytes",
            envvar="ETCD_QUOTA_BACKEND_BYTES",
            help="Most bytes of the database; 0: 2 GiB, below 0: no limit.",
        ),
    ] = "0",
    max_request_bytes: Annotated[
        str,
        typer.Option(
            "--max-request-bytes", envvar="ETCD_MAX_REQUEST_BYTES", help="Most bytes of a request that writes."
        ),
    ] = "1572864",
    max_txn_ops: Annotated[
        str, typer.Option("--max-txn-ops", envvar="ETCD_MAX_TXN_OPS", help="Most operations in a transaction.")
    ] = "128",
    initial_advertise_peer_urls: Annotated[
        str,
        typer.Option(
            "--initial-advertise-peer-urls",
            envvar="ETCD_INITIAL_ADVERTISE_PEER_URLS",
            help="Told in the list of members.",
        ),
    ] = "",
    initial_cluster: Annotated[
        str,
        typer.Option(
            "--initial-cluster",
            envvar="ETCD_INITIAL_CLUSTER",
            help="NAME=URL of this member, the only one there can be.",
        ),
    ] = "",
    initial_cluster_state: Annotated[
        str, typer.Option("--initial-cluster-state", envvar="ETCD_INITIAL_CLUSTER_STATE", help="new.")
    ] = "",
    listen_peer_urls: Annotated[
        str,
        typer.Option(
            "--listen-peer-urls", envvar="ETCD_LISTEN_PEER_URLS", help="Without meaning for one member, and told so."
        ),
    ] = "",
    initial_cluster_token: Annotated[
        str,
        typer.Option(
            "--initial-cluster-token",
            envvar="ETCD_INITIAL_CLUSTER_TOKEN",
            help="Without meaning for one member, and told so.",
        ),
    ] = "",
    snapshot_count: Annotated[
        str,
        typer.Option(
            "--snapshot-count", envvar="ETCD_SNAPSHOT_COUNT", help="Without meaning for one member, and told so."
        ),
    ] = "",
    datastore_endpoint: Annotated[
        str,
        typer.Option(
            "--datastore-endpoint",
            envvar="HYPERPY_DATASTORE_ENDPOINT",
            help="Keep keys in this database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        ),
    ] = "",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Serve etcd's v3 API, and the v2 keys of etcd 2.0, from SQLite files.

    Each flag has an environment variable as at etcd: --data-dir is ETCD_DATA_DIR too, where the flag is not given.
    """
    import logging

    from hyperpy.components import loop, supervisor
    from hyperpy.components.etcd.component import Etcd, Options
    from hyperpy.store.etcd_server.limits import Limits

    listen = _listen(addr=addr, bind_addr=bind_addr, listen_client_urls=listen_client_urls)
    if any(address.secure for address in listen) and not (cert_file and key_file):
        raise UserError("an https URL needs --cert-file and --key-file")
    if datastore_endpoint and not datastore_endpoint.startswith(("postgresql://", "postgres://")):
        raise UserError("--datastore-endpoint takes postgresql://...; for a file use --data-dir")
    if datastore_endpoint and data_dir:
        raise UserError("--datastore-endpoint and --data-dir both say where keys are kept; use one")
    if datastore_endpoint and quota_backend_bytes != "0":
        raise UserError("--quota-backend-bytes is of a file; with --datastore-endpoint leave it out")
    if flags.boolean("--client-cert-auth", client_cert_auth) and not trusted_ca_file:
        raise UserError("--client-cert-auth needs --trusted-ca-file: the certificates that vouch for clients'")
    advertise = _urls("--advertise-client-urls", advertise_client_urls)
    if addr and not advertise:
        advertise = [_hostport("--addr", addr)]
    peers = [str(address) for address in _urls("--initial-advertise-peer-urls", initial_advertise_peer_urls)]
    settings.check_alone(
        name=name, initial_cluster=initial_cluster, initial_cluster_state=initial_cluster_state, peer_urls=peers
    )
    idle = {
        "--listen-peer-urls": listen_peer_urls,
        "--initial-cluster-token": initial_cluster_token,
        "--snapshot-count": snapshot_count,
    }
    quota = settings.number("--quota-backend-bytes", quota_backend_bytes, at_least=-(1 << 62))
    options = Options(
        data_dir=Path(data_dir or f"{name}.etcd"),
        listen=listen,
        advertise=[str(address) for address in advertise],
        name=name,
        cert_file=cert_file,
        key_file=key_file,
        trusted_ca_file=trusted_ca_file,
        datastore_endpoint=datastore_endpoint,
        peer_urls=peers,
        retention=settings.retention(auto_compaction_mode, auto_compaction_retention),
        limits=Limits(
            request_bytes=settings.number("--max-request-bytes", max_request_bytes, at_least=1),
            txn_ops=settings.number("--max-txn-ops", max_txn_ops, at_least=1),
            quota_bytes=quota or Limits().quota_bytes,
        ),
        idle_flags=[flag for flag, value in idle.items() if value],
    )
    logging.getLogger("grpclib").setLevel(logging.WARNING)  # it tells of every client that hangs up
    loop.run(supervisor.run([Etcd(options)]), verbosity=verbosity)


def _listen(*, addr: str, bind_addr: str, listen_client_urls: str) -> list[Address]:
    """Where to listen, by whichever generation of flags was used."""
    if listen_client_urls and (addr or bind_addr):
        raise UserError("--listen-client-urls cannot stand beside --addr and --bind-addr; use one form")
    if bind_addr or addr:
        return [_hostport("--bind-addr" if bind_addr else "--addr", bind_addr or addr)]
    return _urls("--listen-client-urls", listen_client_urls or "http://localhost:2379")


def _urls(flag: str, text: str) -> list[Address]:
    from hyperpy.components.etcd.component import Address

    addresses = []
    for url in filter(None, text.split(",")):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.path.strip("/"):
            raise UserError(f"{flag}: {url!r} is not of the form http://HOST:PORT or https://HOST:PORT")
        plain = _hostport(flag, parts.netloc)
        addresses.append(Address(plain.host, plain.port, parts.scheme == "https"))
    return addresses


def _hostport(flag: str, text: str) -> Address:
    from hyperpy.components.etcd.component import Address

    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None:
        raise UserError(f"{flag}: {text!r} is not of the form HOST:PORT")
    return Address(host, port)
