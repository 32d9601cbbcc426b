"""What the API server counts about itself, under Kubernetes' names. docs/metrics.md lists them."""
