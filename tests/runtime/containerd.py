"""A containerd of its own for tests: root, state and network configuration under one directory, its own socket."""

import json
import signal
import subprocess
import time
import uuid
from pathlib import Path

from hyperpy.runtime import pause
from hyperpy.runtime.cri import probe, translate
from hyperpy.runtime.cri.connection import Connection
from hyperpy.runtime.cri_api import cri_pb2

_CONFIG = """
version = 2
root = "{home}/root"
state = "{home}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{home}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
#: Where CNI remembers what it gave; nothing of ours is left in it.
_CNI_RESULTS = Path("/var/lib/cni/results")
#: Directories that CNI, runc and containerd make in places of the whole machine, inner ones first.
_LEFT_EMPTY = (_CNI_RESULTS, _CNI_RESULTS.parent, Path("/run/containerd/runc/k8s.io"), Path("/run/containerd/runc"))


async def cri_namespace(endpoint: str, sandbox_id: str) -> str:
    """The file of a sandbox's network namespace."""
    connection = Connection(endpoint)
    try:
        await connection.open()
        request = cri_pb2.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id, verbose=True)
        answer = await connection.call(connection.runtime.PodSandboxStatus, request)
        return translate.network_namespace(json.loads(answer.info["info"]))
    finally:
        connection.close()


class Containerd:
    """Started by `start`, ended by `stop`, which leaves no process, mount, link or file of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # Unix socket paths are short.
        self.socket = Path(f"/run/hyperpy-test-{uuid.uuid4().hex[:8]}.sock")
        self.network = f"hpt{uuid.uuid4().hex[:8]}"
        self.endpoint = f"unix://{self.socket}"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        (self.home / "cni").mkdir(parents=True)
        (self.home / "cni" / "10-test.conflist").write_text(json.dumps(self._networks()))
        config = self.home / "config.toml"
        config.write_text(_CONFIG.format(home=self.home, socket=self.socket, pause=pause.REFERENCE))
        self._launch()
        archive = self.home / "pause.tar"
        archive.write_bytes(pause.archive())
        subprocess.run(self._ctr("--namespace", "k8s.io", "images", "import", str(archive)), check=True, stdout=-3)

    def restart(self) -> None:
        """End it and start it again; containers go on meanwhile."""
        self._terminate()
        self._launch()

    def _launch(self) -> None:
        with open(self.home / "log", "ab") as log:
            self._process = subprocess.Popen(["containerd", "-c", self.home / "config.toml"], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while probe.why_not(self.endpoint):
            assert self._process.poll() is None and time.monotonic() < deadline, (self.home / "log").read_text()
            time.sleep(0.05)

    def _terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def stop(self) -> None:
        if self._process is None:
            return
        self._terminate()
        subprocess.run(["ip", "link", "delete", self.network], capture_output=True)
        for path in (self.socket, Path(f"{self.socket}.ttrpc"), *_CNI_RESULTS.glob(f"{self.network}-*")):
            path.unlink(missing_ok=True)
        groups = Path("/sys/fs/cgroup")
        for directory in (*_LEFT_EMPTY, *groups.glob("*/k8s.io"), groups / "k8s.io"):
            try:
                directory.rmdir()
            except OSError:
                pass  # not there, or another containerd uses it

    def _ctr(self, *arguments: str) -> list[str]:
        return ["ctr", "--address", str(self.socket), *arguments]

    def _networks(self) -> dict:
        # Drawn by lot, so that two runs of the tests on one machine do not share it.
        number = int(self.network[3:], 16)
        ranges = [[{"subnet": f"10.{200 + number % 40}.{number // 40 % 256}.0/24"}]]
        ipam = {"type": "host-local", "dataDir": str(self.home / "addresses"), "ranges": ranges}
        bridge = {"type": "bridge", "bridge": self.network, "isGateway": True, "ipam": ipam}
        return {"cniVersion": "0.4.0", "name": self.network, "plugins": [bridge]}
