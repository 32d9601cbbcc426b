"""resolv.conf and /etc/hosts of a Pod. Pure.

Source: "DNS for Services and Pods" (dnsPolicy, dnsConfig) and "Adding entries to Pod /etc/hosts with HostAliases".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.runtime.protocol import Dns

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClusterDns:
    """`servers` empty: this cluster has no DNS, and pods get the node's own resolv.conf."""

    servers: Sequence[str] = ()
    domain: str = "cluster.local"


def parse_resolv_conf(text: str) -> Dns:
    """The node's own settings, of which the last `search` line counts."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if not words:
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            searches = words[1:]
        elif words[0] == "options":
            options.extend(words[1:])
    return Dns(tuple(servers), tuple(searches), tuple(options))


def pod_dns(pod: Obj, *, cluster: ClusterDns, node: Dns) -> Dns:
    """What the Pod's resolv.conf says.

    Args:
        node: the node's own resolv.conf.
    """
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    first = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork"))
    if policy == "None":
        base = Dns()
    elif first and cluster.servers:
        namespace, domain = pod["metadata"]["namespace"], cluster.domain
        searches = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain, *node.searches)
        base = Dns(tuple(cluster.servers), _once(searches), ("ndots:5",))
    else:
        base = node
    return _with_config(base, spec.get("dnsConfig") or {})


def _with_config(base: Dns, config: Obj) -> Dns:
    options = {option.partition(":")[0]: option for option in base.options}
    for option in config.get("options") or ():
        value = option.get("value")
        options[option["name"]] = option["name"] if value is None else f"{option['name']}:{value}"
    return Dns(
        _once((*base.servers, *(config.get("nameservers") or ()))),
        _once((*base.searches, *(config.get("searches") or ()))),
        tuple(options.values()),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def hosts_file(pod: Obj, *, ips: Sequence[str], host_name: str, domain: str, node_hosts: str) -> str:
    """The Pod's /etc/hosts.

    Args:
        ips: of the Pod.
        domain: `""`, or what the Pod's subdomain makes of it.
        node_hosts: the node's own file, on which a Pod of the host's network builds.
    """
    if pod["spec"].get("hostNetwork"):
        lines = [node_hosts.rstrip("\n")]
    else:
        lines = [
            "# Kubernetes-managed hosts file.",
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            "fe00::0\tip6-localnet",
            "fe00::0\tip6-mcastprefix",
            "fe00::1\tip6-allnodes",
            "fe00::2\tip6-allrouters",
        ]
        full = f"{host_name}.{domain}\t" if domain else ""
        lines += [f"{ip}\t{full}{host_name}" for ip in ips]
    aliases = [alias for alias in pod["spec"].get("hostAliases") or () if alias.get("hostnames")]
    if aliases:
        lines.append("\n# Entries added by HostAliases.")
        lines += [f"{alias['ip']}\t" + "\t".join(alias["hostnames"]) for alias in aliases]
    return "\n".join(lines) + "\n"
