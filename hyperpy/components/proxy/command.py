"""hyperpy proxy: the service proxy as a process of its own."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def proxy(
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    master: Annotated[str, typer.Option("--master", help="URL of the API server; overrides the kubeconfig's.")] = "",
    hostname_override: Annotated[str, typer.Option("--hostname-override", help="The name of this Node.")] = "",
    service_cidr: Annotated[
        str, typer.Option("--service-cluster-ip-range", help="The ClusterIP range, as the API server has it.")
    ] = "10.96.0.0/16",
    proxy_mode: Annotated[str, typer.Option("--proxy-mode", help="userspace is the only mode yet.")] = "userspace",
    nodeport_addresses: Annotated[
        str, typer.Option("--nodeport-addresses", help="Addresses for NodePorts, comma separated.")
    ] = "0.0.0.0",
    pod_netns: Annotated[
        str, typer.Option("--pod-netns", help="The node's router namespace [default: hyperpy-NODE].")
    ] = "",
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Serve ClusterIPs and NodePorts on this node."""
    if proxy_mode != "userspace":
        raise UserError(f"--proxy-mode={proxy_mode} is not supported yet; use userspace")
    from hyperpy.components import standalone
    from hyperpy.components.proxy.component import Options, ServiceProxy

    node = hostname_override or socket.gethostname().lower()
    options = Options(
        node_name=node,
        service_cidr=service_cidr,
        pod_netns=pod_netns or f"hyperpy-{node}",
        node_addresses=tuple(nodeport_addresses.split(",")),
    )
    standalone.run(
        standalone.access(kubeconfig_path=kubeconfig, server=master),
        lambda client, informers: [ServiceProxy(client, informers, options)],
        name="proxy",
        verbosity=verbosity,
    )
