"""The etcd command: the watch-store on the etcd v3 wire."""
