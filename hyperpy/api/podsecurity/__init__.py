"""Pod Security Standards: which Pods a level allows, in Kubernetes' words. Pure.

Source: "Pod Security Standards" and "Pod Security Admission", as of v1.34.
"""

from __future__ import annotations

from hyperpy.api.podsecurity.evaluation import Verdict, evaluate
from hyperpy.api.podsecurity.levels import LevelVersion, Policy, policy_of

__all__ = ["LevelVersion", "Policy", "Verdict", "evaluate", "policy_of"]
