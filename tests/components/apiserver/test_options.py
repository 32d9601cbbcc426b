"""Options that cannot be used are told in one line each."""

from pathlib import Path

import pytest

from hyperpy.components.apiserver import options
from hyperpy.components.apiserver.options import Options
from hyperpy.components.supervisor import StartFailure


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"service_cluster_ip_range": "10.96.0.1/16"}, "--service-cluster-ip-range: 10.96.0.1/16 has host bits set"),
        ({"service_cluster_ip_range": "fd00::/112"}, "an IPv4 network is needed"),
        ({"service_cluster_ip_range": "10.0.0.0/30"}, "between /12 and /28"),
        ({"service_node_port_range": "3000"}, "--service-node-port-range 3000: use FIRST-LAST"),
        ({"service_node_port_range": "40000-30000"}, "--service-node-port-range"),
        ({"bind_address": "here"}, '--bind-address "here" is not an IP address'),
        ({"advertise_address": "0.0.0.0"}, "others cannot reach that"),
        ({"advertise_address": "::1"}, "is not an IPv4 address"),
        ({"insecure_port": 8080, "insecure_bind_address": "0.0.0.0"}, "may listen on a loopback address only"),
        ({"authorization_mode": ("Node", "RBAC")}, '--authorization-mode "Node" is not supported; use RBAC or'),
        ({"tls_cert_file": Path("x")}, "must be given together"),
        ({"audit_log_path": "-"}, "which requests are logged is said by --audit-policy-file"),
        ({"audit_policy_file": Path("x")}, "where the log goes is said by --audit-log-path"),
        ({"audit_log_mode": "blocking-strict"}, "--audit-log-mode blocking-strict is not supported; use batch or"),
        ({"strict_transport_security": ("always",)}, "use max-age=SECONDS, includeSubDomains or preload"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(given, complaint):
    with pytest.raises(StartFailure) as refused:
        options.check(Options(data_dir=Path("/nowhere"), **given))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_defaults_are_fine():
    options.check(Options(data_dir=Path("/nowhere")))


def test_the_server_is_known_by_its_names_and_the_first_service_address():
    given = Options(data_dir=Path("/nowhere"), bind_address="127.0.0.5", service_cluster_ip_range="10.5.0.0/24")
    hosts = options.serving_hosts(given)
    assert {"localhost", "127.0.0.1", "127.0.0.5", "10.5.0.1", "kubernetes.default.svc"} <= hosts
    assert options.advertised(given) == "127.0.0.5"
    assert options.local_host(given) == "127.0.0.5"


def test_an_unknown_admission_plugin_is_refused(tmp_path):
    with pytest.raises(StartFailure, match='plugin "Nonsense" is unknown'):
        options.check(Options(data_dir=tmp_path, disable_admission_plugins=("Nonsense",)))
