"""etcd's v2 keys API over HTTP, as etcd 2.0 served it: a tree of directories and files beside the v3 key space."""
