"""etcd v3 on the wire: its messages and errors, and the store that is a client of a real etcd."""
