"""The parts of the CRI and of containerd that the CRI runtime speaks; `*_pb2` and `*_grpc` are generated from *.proto."""
