"""The asyncio TCP and UDP stream proxy. Knows no Kubernetes."""
