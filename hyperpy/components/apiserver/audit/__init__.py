"""The audit log: who did what, by a policy, as audit.k8s.io/v1 Events in lines of JSON.

request ─▶ auditor (policy: which level, which stages) ─▶ record of the request ─▶ events ─▶ queue ─▶ file, in a thread
"""
