"""The parts of the CRI's and of containerd's gRPC API that the CRI runtime speaks, compiled from the .proto files here."""
