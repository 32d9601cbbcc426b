"""Nodes: their health, networks, taints, and Pods that nobody ends."""
