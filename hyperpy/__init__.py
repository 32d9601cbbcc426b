"""hyperpy: a whole Kubernetes cluster in one command."""

__version__ = "0.1.0"

#: The Kubernetes release whose behaviour and API this cluster reports (`/version`).
KUBERNETES_VERSION = "v1.34.2"
