"""The kubelet's own server on port 10250: logs, exec, attach, port-forward, for the API server and nobody else."""
