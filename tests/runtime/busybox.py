"""A small image for tests: Debian's static busybox, with a few users."""

import subprocess
from pathlib import Path

from hyperpy.runtime.images.archive import ArchiveWriter
from hyperpy.runtime.images.layers import LayerWriter, configuration

REFERENCE = "hyperpy-test/busybox:1"
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:Web:/home/web:/bin/sh\n"
_GROUP = b"root:x:0:\nweb:x:1001:\nextra:x:2000:web\n"


def write_archive(path: Path, *, reference: str = REFERENCE, settings: dict | None = None) -> str:
    """Write the image as an archive; returns its id."""
    with LayerWriter(path.with_suffix(".layer")) as writer:
        writer.file("bin/busybox", Path("/bin/busybox"), mode=0o755)
        for name in subprocess.check_output(["/bin/busybox", "--list"], text=True).split():
            if name != "busybox":
                writer.link(f"bin/{name}", "busybox")
        writer.file("etc/passwd", _PASSWD)
        writer.file("etc/group", _GROUP)
        writer.directory("tmp", mode=0o1777)
    config = configuration(
        [writer.layer],
        {"Entrypoint": ["echo"], "Cmd": ["from the image"], "Env": ["PATH=/bin", "IMAGE=yes"], **(settings or {})},
        created="2026-01-01T00:00:00Z",
    )
    with ArchiveWriter(path) as archive:
        return archive.add_image(config, [writer.layer], references=[reference])
