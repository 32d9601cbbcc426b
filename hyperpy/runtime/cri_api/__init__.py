"""What the CRI runtime speaks of the CRI and containerd; `*_pb2` and `*_grpc` are generated from the .proto files."""
