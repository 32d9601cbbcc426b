"""The service proxy: ClusterIPs and NodePorts by netproxy."""
