"""Docker Engine (20.10 and newer) as a runtime: a pause container per pod, its containers in the pause's namespaces."""

from hyperpy.runtime.docker.runtime import DockerRuntime

__all__ = ["DockerRuntime"]
