"""Formats of texts, against values from Kubernetes' documentation of names."""

from collections.abc import Callable

import pytest

from hyperpy.api.validation import formats

GOOD = [
    (formats.dns_label, ["a", "my-name", "123-abc", "a" * 63]),
    (formats.dns_1035_label, ["a", "abc-123"]),
    (formats.underscored_subdomain, ["_tcp.example.com", "a_b.c"]),
    (formats.path_segment, ["system:node", "A b", "..a"]),
    (formats.config_key, ["tls.crt", "KEY_NAME", "-", "a..b"]),
    (formats.environment_name, ["A", "my.env-name", "1 a"]),
    (formats.header_name, ["X-Header"]),
    (formats.percent, ["0%", "250%"]),
    (formats.sysctl_name, ["net.ipv4.ip_forward", "kernel/shm_rmid_forced"]),
    (formats.port_name, ["http", "a-1", "a" * 15]),
    (formats.port, [1, 65535, "http"]),
    (formats.relative_path, ["a/b", "..a", ""]),
    (formats.file_path, ["a/..b"]),
    (formats.address, ["10.0.0.1", "2001:db8::1"]),
    (formats.cidr, ["10.0.0.0/8", "10.0.0.1/8", "::/0"]),
    (formats.endpoint_address, ["10.0.0.1", "2001:db8::1"]),
]
BAD = [
    (formats.dns_label, "A", "a lowercase RFC 1123 label must consist of lower case"),
    (formats.dns_label, "a.b", "must not contain dots"),
    (formats.dns_label, "a" * 64, "must be no more than 63 bytes"),
    (formats.dns_label, "a\n", "a lowercase RFC 1123 label"),
    (formats.dns_1035_label, "1a", "a DNS-1035 label must consist of"),
    (formats.underscored_subdomain, "a..b", "'_', '-' or '.'"),
    (formats.path_segment, "..", "may not be '..'"),
    (formats.path_segment, "a/b", "may not contain '/'"),
    (formats.config_key, "..", "must not be '..'"),
    (formats.config_key, "..a", "must not start with '..'"),
    (formats.config_key, "a/b", "a valid config key must consist of"),
    (formats.environment_name, "A=B", "other than '='"),
    (formats.environment_name, "é", "printable ASCII"),
    (formats.environment_name, "", "must be non-empty"),
    (formats.header_name, "a b", "a valid HTTP header"),
    (formats.percent, "10", "a valid percent string"),
    (formats.sysctl_name, "net..a", "match regex"),
    (formats.port_name, "a--b", "must not contain consecutive hyphens"),
    (formats.port_name, "12", "must contain at least one letter (a-z)"),
    (formats.port_name, "a" * 16, "must be no more than 15 bytes"),
    (formats.port_name, "-a", "must not begin or end with a hyphen"),
    (formats.port_name, "A", "must contain only alpha-numeric characters"),
    (formats.port, 0, "must be between 1 and 65535, inclusive"),
    (formats.relative_path, "/a", "must be a relative path"),
    (formats.relative_path, "a/../b", "must not contain '..'"),
    (formats.file_path, "..data", "must not start with '..'"),
    (formats.address, "10.0.0.256", "must be a valid IP address"),
    (formats.address, "fe80::1%eth0", "must be a valid IP address"),
    (formats.cidr, "10.0.0.0", "must be a valid CIDR value"),
    (formats.cidr, "10.0.0.0/33", "must be a valid CIDR value"),
    (formats.endpoint_address, "127.0.0.1", "may not be in the loopback range"),
    (formats.endpoint_address, "169.254.1.1", "may not be in the link-local range"),
    (formats.endpoint_address, "0.0.0.0", "may not be unspecified (0.0.0.0)"),
    (formats.endpoint_address, "224.0.0.1", "may not be in the link-local multicast range"),
    (formats.endpoint_address, "x", "must be a valid IP address"),
]


@pytest.mark.parametrize(("problems", "values"), GOOD, ids=lambda value: getattr(value, "__name__", ""))
def test_good_values_have_no_problem(problems: Callable[[object], list[str]], values: list[object]) -> None:
    assert [problems(value) for value in values] == [[] for _ in values]


@pytest.mark.parametrize(("problems", "value", "text"), BAD)
def test_bad_values_are_told_their_rule(problems: Callable[[object], list[str]], value: object, text: str) -> None:
    assert any(text in problem for problem in problems(value)), problems(value)


def test_a_rule_is_written_as_kubernetes_writes_it() -> None:
    assert formats.dns_label("A_b") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    ]
