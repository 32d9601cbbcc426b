"""Where container runtimes usually listen."""

from __future__ import annotations

#: CRI runtimes: containerd, CRI-O.
CRI_SOCKETS = ("/run/containerd/containerd.sock", "/run/crio/crio.sock")
