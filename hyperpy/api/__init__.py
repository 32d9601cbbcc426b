"""What a Kubernetes object is. Pure: no I/O, no event loop, no clock of its own."""
