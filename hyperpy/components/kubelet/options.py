"""What a kubelet must be told: a frozen record, made from the command line."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one kubelet.

    Args:
        node_name: the Node's name (`--hostname-override`).
        root_dir: where it keeps pods, logs and certificates.
        node_ips: the Node's addresses, the main one first (`--node-ip`); empty: where it listens, or found out.
        address, port: where its server listens; port 0 picks a free one.
        manifest_dir: static pods (`--config`, `--pod-manifest-path`).
        cluster_dns: addresses of the cluster's DNS; empty: pods get the node's resolv.conf.
        pod_cidr: the node's pod addresses; `""`: as Node.spec.podCIDR says.
        register_node: make the Node object when it is missing.
        max_pods: how many pods the Node says it takes.
        server_tls: the TLS settings of the server, client authority and all; None: made from the files below.
        tls_cert_file, tls_private_key_file: of the server; "": a self-signed pair is made under the root directory.
        client_ca_file: whose client certificates are let in; "": bearer tokens only, which the API server judges.
        containerized: the kubelet runs in a container: it mounts nothing itself, and looks at host paths under /rootfs.
        purge_on_exit: kill the pods and remove everything when it ends (`hyperpy all`).
        exit_grace_s: the longest grace a pod gets then.
    """

    node_name: str
    root_dir: Path
    node_ips: Sequence[str] = ()
    address: str = "0.0.0.0"
    port: int = 10250
    manifest_dir: Path | None = None
    cluster_dns: Sequence[str] = ()
    cluster_domain: str = "cluster.local"
    pod_cidr: str = ""
    register_node: bool = True
    node_labels: Mapping[str, str] = field(default_factory=dict)
    max_pods: int = 110
    server_tls: ssl.SSLContext | None = None
    tls_cert_file: str = ""
    tls_private_key_file: str = ""
    client_ca_file: str = ""
    containerized: bool = False
    purge_on_exit: bool = False
    exit_grace_s: int = 5

    @property
    def logs_dir(self) -> Path:
        """Where the logs of pods are."""
        return self.root_dir / "logs" / "pods"
