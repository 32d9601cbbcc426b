"""hyperpy apiserver: the API server as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperpy import flags, shallow
from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

if TYPE_CHECKING:
    from hyperpy.components.apiserver.options import Options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=QuickCommand)
def apiserver(
    data_dir: Annotated[
        str,
        typer.Option("--data-dir", help="Store, keys and kubeconfigs [default: $HYPERPY_DATA_DIR or the system's]."),
    ] = "",
    secure_port: Annotated[int, typer.Option("--secure-port", min=0, max=65535, help="0 picks a free one.")] = 6443,
    bind_address: Annotated[str, typer.Option("--bind-address", help="Where the secure port listens.")] = "0.0.0.0",
    advertise_address: Annotated[
        str, typer.Option("--advertise-address", help="Under which the cluster reaches this server.")
    ] = "",
    insecure_port: Annotated[
        int,
        typer.Option(
            "--insecure-port", "--port", min=0, max=65535, help="Without TLS and credentials, loopback only; 0: off."
        ),
    ] = 0,
    insecure_bind_address: Annotated[
        str, typer.Option("--insecure-bind-address", "--address", help="A loopback address.")
    ] = "127.0.0.1",
    tls_cert_file: Annotated[
        Path | None, typer.Option("--tls-cert-file", help="PEM certificate chain of the secure port.")
    ] = None,
    tls_private_key_file: Annotated[Path | None, typer.Option("--tls-private-key-file", help="Its PEM key.")] = None,
    client_ca_file: Annotated[
        Path | None, typer.Option("--client-ca-file", help="PEM authorities of client certificates, besides our own.")
    ] = None,
    token_auth_file: Annotated[
        Path | None, typer.Option("--token-auth-file", help='Lines of token,user,uid,"group1,group2".')
    ] = None,
    anonymous_auth: Annotated[
        str,
        typer.Option(
            "--anonymous-auth",
            help="true or false: whether requests without credentials are let in [default: to health and version].",
        ),
    ] = "",
    authorization_mode: Annotated[str, typer.Option("--authorization-mode", help="RBAC or AlwaysAllow.")] = "RBAC",
    service_cluster_ip_range: Annotated[
        str, typer.Option("--service-cluster-ip-range", "--portal-net", help="The ClusterIP range.")
    ] = "10.96.0.0/16",
    service_node_port_range: Annotated[
        str, typer.Option("--service-node-port-range", help="FIRST-LAST.")
    ] = "30000-32767",
    service_account_issuer: Annotated[
        str, typer.Option("--service-account-issuer", help="The iss claim of ServiceAccount tokens.")
    ] = "https://kubernetes.default.svc.cluster.local",
    service_account_signing_key_file: Annotated[
        Path | None, typer.Option("--service-account-signing-key-file", help="PEM key [default: our own].")
    ] = None,
    service_account_key_file: Annotated[
        list[Path] | None, typer.Option("--service-account-key-file", help="More PEM public keys to accept.")
    ] = None,
    api_audiences: Annotated[
        str, typer.Option("--api-audiences", help="Of tokens for this server, comma separated [default: the issuer].")
    ] = "",
    requestheader_client_ca_file: Annotated[
        Path | None,
        typer.Option("--requestheader-client-ca-file", help="PEM authorities of front proxies [default: our own]."),
    ] = None,
    requestheader_allowed_names: Annotated[
        str, typer.Option("--requestheader-allowed-names", help="Their common names, comma separated; none: any.")
    ] = "",
    requestheader_username_headers: Annotated[
        str, typer.Option("--requestheader-username-headers", help="Where they name the user.")
    ] = "X-Remote-User",
    requestheader_uid_headers: Annotated[
        str, typer.Option("--requestheader-uid-headers", help="And its UID.")
    ] = "X-Remote-Uid",
    requestheader_group_headers: Annotated[
        str, typer.Option("--requestheader-group-headers", help="And its groups.")
    ] = "X-Remote-Group",
    requestheader_extra_headers_prefix: Annotated[
        str, typer.Option("--requestheader-extra-headers-prefix", help="And its extras.")
    ] = "X-Remote-Extra-",
    proxy_client_cert_file: Annotated[
        Path | None,
        typer.Option("--proxy-client-cert-file", help="PEM certificate for aggregated servers [default: our own]."),
    ] = None,
    proxy_client_key_file: Annotated[Path | None, typer.Option("--proxy-client-key-file", help="Its PEM key.")] = None,
    kubelet_certificate_authority: Annotated[
        Path | None,
        typer.Option("--kubelet-certificate-authority", help="PEM authority of the kubelets' serving certificates."),
    ] = None,
    max_requests_inflight: Annotated[
        int, typer.Option("--max-requests-inflight", min=0, help="Reading requests at once; 0: no limit.")
    ] = 400,
    max_mutating_requests_inflight: Annotated[
        int, typer.Option("--max-mutating-requests-inflight", min=0, help="Writing requests at once; 0: no limit.")
    ] = 200,
    enable_admission_plugins: Annotated[
        str, typer.Option("--enable-admission-plugins", help="To ask beside the default ones, comma separated.")
    ] = "",
    disable_admission_plugins: Annotated[
        str, typer.Option("--disable-admission-plugins", help="To leave out, comma separated.")
    ] = "",
    request_timeout: Annotated[
        str, typer.Option("--request-timeout", help="For requests that are not long-running; 0s: no limit.")
    ] = "60s",
    shutdown_delay_duration: Annotated[
        str,
        typer.Option("--shutdown-delay-duration", help="Say not ready for so long before a stop takes no more."),
    ] = "0s",
    audit_policy_file: Annotated[
        Path | None, typer.Option("--audit-policy-file", help="audit.k8s.io/v1 Policy: what is logged.")
    ] = None,
    audit_log_path: Annotated[
        str, typer.Option("--audit-log-path", help="Lines of JSON go here; '-' is standard output.")
    ] = "",
    audit_log_mode: Annotated[
        str, typer.Option("--audit-log-mode", help="batch, or blocking: requests wait for the log.")
    ] = "batch",
    audit_log_maxsize: Annotated[
        int, typer.Option("--audit-log-maxsize", min=0, help="MiB before it is rotated; 0: 100.")
    ] = 0,
    audit_log_maxbackup: Annotated[
        int, typer.Option("--audit-log-maxbackup", min=0, help="Rotated files to keep; 0: all.")
    ] = 0,
    audit_log_maxage: Annotated[
        int, typer.Option("--audit-log-maxage", min=0, help="Days to keep them; 0: for ever.")
    ] = 0,
    cors_allowed_origins: Annotated[
        str, typer.Option("--cors-allowed-origins", help="Regular expressions of allowed origins, comma separated.")
    ] = "",
    strict_transport_security_directives: Annotated[
        str,
        typer.Option("--strict-transport-security-directives", help="Of the HSTS header, comma separated."),
    ] = "",
    admission_control_config_file: Annotated[
        Path | None, typer.Option("--admission-control-config-file", help="Settings of admission plugins.")
    ] = None,
    datastore_endpoint: Annotated[
        str,
        typer.Option(
            "--datastore-endpoint",
            envvar="HYPERPY_DATASTORE_ENDPOINT",
            help="Keep objects in this database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        ),
    ] = "",
    etcd_servers: Annotated[
        str, typer.Option("--etcd-servers", help="Keep objects in this etcd: URLs, comma separated.")
    ] = "",
    etcd_cafile: Annotated[Path | None, typer.Option("--etcd-cafile", help="PEM authority of etcd's members.")] = None,
    etcd_certfile: Annotated[Path | None, typer.Option("--etcd-certfile", help="PEM certificate for etcd.")] = None,
    etcd_keyfile: Annotated[Path | None, typer.Option("--etcd-keyfile", help="Its PEM key.")] = None,
    etcd_compaction_interval: Annotated[
        str, typer.Option("--etcd-compaction-interval", help="Between compactions of that etcd; 0s: none.")
    ] = "5m",
    etcd_prefix: Annotated[str, typer.Option("--etcd-prefix", help="Where its keys begin: /registry only.")] = (
        "/registry"
    ),
    etcd_healthcheck_timeout: Annotated[
        str, typer.Option("--etcd-healthcheck-timeout", help="For the store's answer to the health check etcd.")
    ] = "2s",
    etcd_readycheck_timeout: Annotated[
        str, typer.Option("--etcd-readycheck-timeout", help="The same for the check etcd-readiness.")
    ] = "2s",
    lease_reuse_duration_seconds: Annotated[
        int, typer.Option("--lease-reuse-duration-seconds", min=1, help="Events of this span share a lease.")
    ] = 300,
    verbosity: Annotated[int, typer.Option("--v", help="Log verbosity.")] = 0,
) -> None:
    """Serve the Kubernetes API from a data directory."""
    from hyperpy.client import kubeconfig
    from hyperpy.components.apiserver.options import Options

    options = Options(
        data_dir=(Path(data_dir) if data_dir else kubeconfig.data_dir()).absolute(),
        datastore_endpoint=datastore_endpoint,
        etcd_servers=flags.words(etcd_servers),
        etcd_ca_file=etcd_cafile,
        etcd_cert_file=etcd_certfile,
        etcd_key_file=etcd_keyfile,
        etcd_compaction_interval_s=flags.seconds("--etcd-compaction-interval", etcd_compaction_interval),
        etcd_prefix=etcd_prefix,
        etcd_healthcheck_timeout_s=flags.seconds("--etcd-healthcheck-timeout", etcd_healthcheck_timeout),
        etcd_readycheck_timeout_s=flags.seconds("--etcd-readycheck-timeout", etcd_readycheck_timeout),
        lease_reuse_s=lease_reuse_duration_seconds,
        secure_port=secure_port,
        bind_address=bind_address,
        advertise_address=advertise_address,
        insecure_port=insecure_port,
        insecure_bind_address=insecure_bind_address,
        token_auth_file=token_auth_file,
        client_ca_file=client_ca_file,
        tls_cert_file=tls_cert_file,
        tls_private_key_file=tls_private_key_file,
        service_cluster_ip_range=service_cluster_ip_range,
        service_node_port_range=service_node_port_range,
        authorization_mode=flags.words(authorization_mode),
        anonymous_auth=_boolean("--anonymous-auth", anonymous_auth),
        service_account_issuer=service_account_issuer,
        service_account_signing_key_file=service_account_signing_key_file,
        service_account_key_files=tuple(service_account_key_file or ()),
        api_audiences=flags.words(api_audiences),
        requestheader_client_ca_file=requestheader_client_ca_file,
        requestheader_allowed_names=flags.words(requestheader_allowed_names),
        requestheader_username_headers=flags.words(requestheader_username_headers),
        requestheader_uid_headers=flags.words(requestheader_uid_headers),
        requestheader_group_headers=flags.words(requestheader_group_headers),
        requestheader_extra_headers_prefix=flags.words(requestheader_extra_headers_prefix),
        proxy_client_cert_file=proxy_client_cert_file,
        proxy_client_key_file=proxy_client_key_file,
        kubelet_certificate_authority=kubelet_certificate_authority,
        max_requests_inflight=max_requests_inflight,
        max_mutating_requests_inflight=max_mutating_requests_inflight,
        enable_admission_plugins=flags.words(enable_admission_plugins),
        disable_admission_plugins=flags.words(disable_admission_plugins),
        request_timeout_s=flags.seconds("--request-timeout", request_timeout),
        shutdown_delay_s=flags.seconds("--shutdown-delay-duration", shutdown_delay_duration),
        audit_policy_file=audit_policy_file,
        audit_log_path=audit_log_path,
        audit_log_mode=audit_log_mode,
        audit_log_max_mib=audit_log_maxsize,
        audit_log_max_backups=audit_log_maxbackup,
        audit_log_max_age_days=audit_log_maxage,
        cors_allowed_origins=flags.words(cors_allowed_origins),
        strict_transport_security=flags.words(strict_transport_security_directives),
        admission_control_config_file=admission_control_config_file,
    )
    _serve(options, verbosity)


def _serve(options: Options, verbosity: int) -> None:
    shallow.package("aiohttp")
    from hyperpy.components import loop, supervisor
    from hyperpy.components.apiserver.server import ApiServer
    from hyperpy.components.datadir import DataDir

    async def main() -> None:
        with DataDir(options.data_dir):
            await supervisor.run([ApiServer(options)])

    loop.run(main(), verbosity=verbosity)


def _boolean(flag: str, text: str) -> bool | None:
    if text.lower() not in ("", "true", "false"):
        raise UserError(f"{flag}={text}: use true or false")
    return text.lower() == "true" if text else None
