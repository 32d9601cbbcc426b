"""Aggregation: APIServices say which server answers which group and version; others are asked in the user's name.

APIService ─▶ directory (who answers what) ─▶ router: local, or remote ─▶ proxying ─▶ the other server
                    ▲                                   discovery, OpenAPI: merged
checking (every 30 s, and on changes) ─▶ status
"""

#: What runs once the aggregator does, as health checks name it.
HOOKS = (
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-status-available-controller",
    "poststarthook/kube-apiserver-autoregistration",
)
