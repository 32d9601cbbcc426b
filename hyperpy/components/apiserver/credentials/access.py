"""Who the cluster's own parts are, and the kubeconfigs that let them and the admin in."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from hyperpy.api.wire import UserInfo
from hyperpy.client import kubeconfig
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.supervisor import StartFailure

#: The API server itself, as a client in its own process.
APISERVER = UserInfo("system:apiserver", ("system:masters", "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Identity:
    """A client: the file name of its certificate, and its user and groups."""

    name: str
    user: str
    groups: tuple[str, ...] = ()


ADMIN = Identity("admin", "kubernetes-admin", ("system:masters",))
KUBELET_CLIENT = Identity("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",))
SCHEDULER = Identity("scheduler", "system:kube-scheduler")
CONTROLLERS = Identity("controllers", "system:kube-controller-manager")
PROXY = Identity("proxy", "system:kube-proxy")


def kubelet(node_name: str) -> Identity:
    """The kubelet of a node."""
    return Identity(f"kubelet-{node_name}", f"system:node:{node_name}", ("system:nodes",))


def components() -> dict[str, Identity]:
    """Kubeconfig file name -> identity, of the parts that may run in processes of their own on this machine."""
    node_name = socket.gethostname().lower()
    return {
        "scheduler": SCHEDULER,
        "controllers": CONTROLLERS,
        "proxy": PROXY,
        "kubelet": kubelet(node_name),
    }


def write(path: Path, pki: Pki, identity: Identity, *, server: str, ca_pem: bytes) -> None:
    """Write the kubeconfig of a client, unless it is already right.

    Raises:
        StartFailure: the file cannot be written.
    """
    credentials = pki.client(identity.name, user=identity.user, groups=identity.groups)
    wanted = ClusterAccess(server, ca_pem, credentials.cert_pem(), credentials.key_pem())
    try:
        if kubeconfig.load(path) == wanted:
            return
    except kubeconfig.KubeconfigError:
        pass  # missing or damaged: it is written anew
    try:
        kubeconfig.write(path, wanted, user=identity.user)
    except OSError as error:
        raise StartFailure(f"cannot write the kubeconfig {path}: {error.strerror}") from error
