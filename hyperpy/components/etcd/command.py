"""hyperpy etcd: the watch-store as a process of its own, speaking etcd v3 and v2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

if TYPE_CHECKING:
    from hyperpy.components.etcd.component import Address

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def etcd(
    addr: Annotated[str, typer.Option("--addr", help="HOST:PORT told to clients (etcd 2.0's form).")] = "",
    bind_addr: Annotated[
        str, typer.Option("--bind-addr", help="HOST:PORT to listen on (etcd 2.0's form) [default: --addr].")
    ] = "",
    data_dir: Annotated[str, typer.Option("--data-dir", help="Where the data is [default: NAME.etcd].")] = "",
    listen_client_urls: Annotated[
        str, typer.Option("--listen-client-urls", help="URLs to listen on [default: http://localhost:2379].")
    ] = "",
    advertise_client_urls: Annotated[
        str, typer.Option("--advertise-client-urls", help="URLs told to clients [default: those it listens on].")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Name of this member.")] = "default",
    cert_file: Annotated[str, typer.Option("--cert-file", help="The server's certificate, for https URLs.")] = "",
    key_file: Annotated[str, typer.Option("--key-file", help="The key of that certificate.")] = "",
    trusted_ca_file: Annotated[
        str, typer.Option("--trusted-ca-file", help="Clients must show a certificate signed by these.")
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
    """Serve etcd's v3 API, and the v2 keys of etcd 2.0, from SQLite files."""
    import logging

    from hyperpy.components import loop, supervisor
    from hyperpy.components.etcd.component import Etcd, Options

    listen = _listen(addr=addr, bind_addr=bind_addr, listen_client_urls=listen_client_urls)
    if any(address.secure for address in listen) and not (cert_file and key_file):
        raise UserError("an https URL needs --cert-file and --key-file")
    if datastore_endpoint and not datastore_endpoint.startswith(("postgresql://", "postgres://")):
        raise UserError("--datastore-endpoint takes postgresql://...; for a file use --data-dir")
    if datastore_endpoint and data_dir:
        raise UserError("--datastore-endpoint and --data-dir both say where keys are kept; use one")
    advertise = _urls("--advertise-client-urls", advertise_client_urls)
    if addr and not advertise:
        advertise = [_hostport("--addr", addr)]
    options = Options(
        data_dir=Path(data_dir or f"{name}.etcd"),
        listen=listen,
        advertise=[str(address) for address in advertise],
        name=name,
        cert_file=cert_file,
        key_file=key_file,
        trusted_ca_file=trusted_ca_file,
        datastore_endpoint=datastore_endpoint,
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
