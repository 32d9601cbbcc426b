"""The wire messages of etcd v3, the part that is used here; `*_pb2` and `*_grpc` are generated from the .proto file."""
