"""The server side of gRPC, lean: what a put costs over the wire is mostly this."""
