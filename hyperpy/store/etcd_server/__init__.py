"""The store as an etcd server."""
