"""A cluster in one process: what its settings become."""

from pathlib import Path

from hyperpy.components.cluster import Cluster, Options, choose
from hyperpy.components.datadir import DataDir


def test_the_audit_log_is_the_api_servers(tmp_path):
    with DataDir(tmp_path / "data") as data:
        options = Options(
            data_dir=data.path,
            audit_policy_file=Path("/policy"),
            audit_log_path="-",
            service_cidr="10.110.0.0/16",
            cluster_cidr="10.250.0.0/16",
        )
        chosen = choose(options, data)
        try:
            made = Cluster(options, data, chosen.record).api_server.options
        finally:
            for claim in chosen.claims:
                claim.release()
    assert (made.audit_policy_file, made.audit_log_path) == (Path("/policy"), "-")
