"""Pod networks by netlink: bridge, veth, addresses. Knows no Kubernetes."""
