"""Protobuf in: the binary form in which Go clients (kubectl's typed commands, client-go) send built-in kinds."""

from hyperpy.api.protobuf.decoding import MEDIA_TYPE, ProtobufError, decode, fields_of

__all__ = ["MEDIA_TYPE", "ProtobufError", "decode", "fields_of"]
