"""The watch-store: revisioned keys, compare-and-swap, watch. Knows no Kubernetes."""
