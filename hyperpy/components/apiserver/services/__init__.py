"""What Services are given: cluster IPs and node ports."""
