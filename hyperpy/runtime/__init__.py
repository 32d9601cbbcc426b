"""Container runtimes behind one protocol. Knows no Kubernetes objects beyond its own small specs."""
