"""The kubelet: runs the Pods of one Node on a container runtime."""
