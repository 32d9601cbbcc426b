"""Requests that end at a container, a pod, a service or a node: logs, exec, attach, port-forward and proxy."""
