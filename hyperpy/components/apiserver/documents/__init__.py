"""What the server tells of its API: discovery and OpenAPI."""
