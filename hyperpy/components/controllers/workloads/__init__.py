"""ReplicaSets, Deployments, StatefulSets, DaemonSets."""
