"""Any runtime that speaks the CRI (containerd 1.6 and newer, CRI-O) as a runtime: pods with addresses from its CNI."""

from hyperpy.runtime.cri.runtime import CriRuntime

__all__ = ["CriRuntime"]
