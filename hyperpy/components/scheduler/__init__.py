"""The scheduler: binds pending Pods to Nodes."""
