"""ResourceQuota: what objects use, which quotas they count against, and whether there is room. Pure.

Source: Concepts, "Resource Quotas"; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from hyperpy.api.quota.charging import Change, Exceeded, charge
from hyperpy.api.quota.counting import recount
from hyperpy.api.quota.evaluators import Evaluator, count_name, evaluator_of
from hyperpy.api.quota.limited import LimitedResource
from hyperpy.api.quota.selectors import scopes

__all__ = [
    "Change",
    "Evaluator",
    "Exceeded",
    "LimitedResource",
    "charge",
    "count_name",
    "evaluator_of",
    "recount",
    "scopes",
]
