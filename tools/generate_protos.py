"""Compiles every .proto file of the package to its protobuf and grpclib modules, beside the file."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Returns the compiler's exit code."""
    from grpc_tools import protoc

    files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("hyperpy/**/*.proto"))
    plugin = Path(sys.executable).parent / "protoc-gen-grpclib_python"
    arguments = [
        "protoc",
        f"--plugin=protoc-gen-grpclib_python={plugin}",
        f"--proto_path={ROOT}",
        f"--python_out={ROOT}",
        f"--pyi_out={ROOT}",
        f"--grpclib_python_out={ROOT}",
        *files,
    ]
    return int(protoc.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
