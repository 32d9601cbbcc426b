"""Linux system calls that Python's own library does not offer yet. Knows no Kubernetes."""
