"""Many simulated nodes in one process: the kubelet's planner and statuses over containers that are only records."""
