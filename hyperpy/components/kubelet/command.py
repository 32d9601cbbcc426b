"""hyperpy kubelet: the node agent as a process of its own, of one Node or of many simulated ones.

Pods of a real runtime run on when it ends.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def kubelet(
    context: typer.Context,
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="How to reach the API server.")] = "",
    api_servers: Annotated[
        str, typer.Option("--api-servers", help="URL of the API server; the first of a list is used.")
    ] = "",
    hostname_override: Annotated[str, typer.Option("--hostname-override", help="The Node's name.")] = "",
    node_ip: Annotated[str, typer.Option("--node-ip", help="The Node's addresses, comma separated.")] = "",
    address: Annotated[str, typer.Option("--address", help="Where the kubelet's server listens.")] = "0.0.0.0",
    port: Annotated[int, typer.Option("--port", help="Its port; 0 picks a free one.")] = 10250,
    root_dir: Annotated[
        Path | None, typer.Option("--root-dir", help="Pods, logs and certificates [default: DATA_DIR/kubelet].")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Directory of static pod manifests, as in Kubernetes 1.0.")
    ] = None,
    pod_manifest_path: Annotated[
        Path | None, typer.Option("--pod-manifest-path", help="The same, by its later name.")
    ] = None,
    containerized: Annotated[
        bool,
        typer.Option(
            "--containerized",
            help="The kubelet itself runs in a container: it mounts nothing, and sees the host's root at /rootfs.",
        ),
    ] = False,
    container_runtime: Annotated[
        str, typer.Option("--container-runtime", help="auto, docker, remote, embedded or hollow.")
    ] = "auto",
    container_runtime_endpoint: Annotated[
        str, typer.Option("--container-runtime-endpoint", help="The runtime's socket.")
    ] = "",
    cluster_dns: Annotated[str, typer.Option("--cluster-dns", help="Addresses of the cluster's DNS.")] = "",
    cluster_domain: Annotated[str, typer.Option("--cluster-domain", help="The cluster's domain.")] = "cluster.local",
    pod_cidr: Annotated[
        str, typer.Option("--pod-cidr", help="The Node's pod addresses [default: as Node.spec.podCIDR says].")
    ] = "",
    pod_netns: Annotated[
        str, typer.Option("--pod-netns", help="The node's router namespace [default: hyperpy-NODE].")
    ] = "",
    client_ca_file: Annotated[
        str, typer.Option("--client-ca-file", help="Authority of the client certificates that are let in.")
    ] = "",
    tls_cert_file: Annotated[str, typer.Option("--tls-cert-file", help="The server's certificate.")] = "",
    tls_private_key_file: Annotated[str, typer.Option("--tls-private-key-file", help="Its key.")] = "",
    register_node: Annotated[
        bool, typer.Option("--register-node/--no-register-node", help="Make the Node object.")
    ] = True,
    node_labels: Annotated[str, typer.Option("--node-labels", help="Labels of the Node: key=value,...")] = "",
    max_pods: Annotated[int, typer.Option("--max-pods", help="How many pods the Node takes.")] = 110,
    nodes: Annotated[
        int, typer.Option("--nodes", help="With --container-runtime=hollow: be so many simulated Nodes.")
    ] = 0,
    node_name_prefix: Annotated[
        str, typer.Option("--node-name-prefix", help="Their names begin so; a number from 0 follows.")
    ] = "hollow-",
    hollow_profile: Annotated[
        Path | None, typer.Option("--hollow-profile", help="How their pods behave: a YAML file (docs/hollow.md).")
    ] = None,
    hollow_seed: Annotated[int, typer.Option("--hollow-seed", help="Of the profile's dice.")] = 0,
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Run the pods of one Node, or of many simulated ones."""
    from hyperpy.components import standalone
    from hyperpy.components.kubelet.hollow import command as hollow

    server = _words(api_servers)[0] if api_servers else ""
    given = [p.name for p in context.command.params if p.name and _is_given(context, p.name)]
    hollow.check(given, runtime=container_runtime, nodes=nodes)
    if nodes:
        simulated = hollow.options(
            nodes,
            name_prefix=node_name_prefix,
            labels=_labels(node_labels),
            max_pods=max_pods,
            pod_cidr=pod_cidr,
            dice=hollow.Dice(hollow_profile, hollow_seed),
        )
        access = standalone.access(kubeconfig_path=kubeconfig, server=server)
        hollow.run(access, simulated, verbosity=verbosity)
        return
    from hyperpy.client.kubeconfig import data_dir
    from hyperpy.components.kubelet.kubelet import Kubelet
    from hyperpy.components.kubelet.network import router_network
    from hyperpy.components.kubelet.options import Options
    from hyperpy.runtime.protocol import RuntimeUnavailable
    from hyperpy.runtime.select import select

    node = hostname_override or socket.gethostname().lower()
    root = (root_dir or data_dir() / "kubelet").absolute()
    options = Options(
        node_name=node,
        root_dir=root,
        node_ips=_words(node_ip),
        address=address,
        port=port,
        manifest_dir=pod_manifest_path or config,
        cluster_dns=_words(cluster_dns),
        cluster_domain=cluster_domain,
        pod_cidr=pod_cidr,
        register_node=register_node,
        node_labels=_labels(node_labels),
        max_pods=max_pods,
        tls_cert_file=tls_cert_file,
        tls_private_key_file=tls_private_key_file,
        client_ca_file=client_ca_file,
        containerized=containerized,
    )
    try:
        runtime = select(container_runtime, endpoint=container_runtime_endpoint, root_dir=root / "runtime")
    except RuntimeUnavailable as error:
        raise UserError(str(error)) from error
    network = router_network(pod_netns or f"hyperpy-{node}", state_dir=root)
    standalone.run(
        standalone.access(kubeconfig_path=kubeconfig, server=server),
        lambda client, informers: [Kubelet(client, informers, runtime, network, options)],
        name="kubelet",
        verbosity=verbosity,
    )


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _labels(text: str) -> dict[str, str]:
    """`key=value,...`. Raises UserError."""
    found = {}
    for word in _words(text):
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f'--node-labels: "{word}" is not key=value')
        found[key] = value
    return found
