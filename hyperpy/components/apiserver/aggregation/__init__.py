"""Aggregation: APIServices say which server answers which group and version; other servers are asked in the user's name.

APIService ─▶ directory (who answers what) ─▶ router: local, or remote ─▶ proxying ─▶ the other server
                    ▲                                   discovery, OpenAPI: merged
checking (every 30 s, and on changes) ─▶ status
"""
