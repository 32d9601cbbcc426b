"""Under which names our components write: those of Kubernetes' programs, because managedFields show them to users."""

from __future__ import annotations

import hyperpy

_PROGRAMS = {
    "apiserver": "kube-apiserver",
    "controllers": "kube-controller-manager",
    "kube-controller-manager": "kube-controller-manager",
    "kube-proxy": "kube-proxy",
    "kube-scheduler": "kube-scheduler",
    "kubelet": "kubelet",
    "node": "kubelet",
    "proxy": "kube-proxy",
    "scheduler": "kube-scheduler",
}


def of(name: str) -> str:
    """The User-Agent of a component by its name here (`scheduler`) or its user's (`system:node:one`)."""
    bare = name.removeprefix("system:").partition(":")[0]
    return f"{_PROGRAMS.get(bare, f'hyperpy-{bare}')}/{hyperpy.KUBERNETES_VERSION} hyperpy/{hyperpy.__version__}"
