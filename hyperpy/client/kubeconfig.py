"""kubeconfig files: where the API server is and who asks. Found, merged and written by kubectl's rules.

Source: Kubernetes' documentation, "Organizing Cluster Access Using kubeconfig Files". A field that would need more than
this client has (exec plugins, proxies, passwords, impersonation) is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REFUSED_CLUSTER = ("proxy-url", "tls-server-name")
_REFUSED_USER = (
    "exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra",
)  # fmt: skip


class KubeconfigError(ValueError):
    """A kubeconfig is missing, broken or asks for what is not supported; the message says which file and what to do."""


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """One server and one identity.

    Args:
        server: its URL.
        ca_pem: the authorities to trust; empty: the system's own.
        cert_pem: the client certificate; `key_pem` is its key.
        namespace: where objects live when none is named; empty: `default`.
        insecure: do not check the server's certificate.
    """

    server: str
    ca_pem: bytes = b""
    cert_pem: bytes = b""
    key_pem: bytes = b""
    token: str = ""
    namespace: str = ""
    insecure: bool = False


def data_dir() -> Path:
    """Where a cluster keeps its data unless `--data-dir` says otherwise."""
    chosen = os.environ.get("HYPERPY_DATA_DIR")
    if chosen:
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/hyperpy")
    return Path.home() / ".local" / "share" / "hyperpy"


def load(path: str | Path | None = None, context: str | None = None) -> ClusterAccess:
    """The access that a kubeconfig describes.

    Args:
        path: this file only. None: `$KUBECONFIG` (a list, merged), else the default data dir's, else `~/.kube/config`,
            else, in a pod, its service account.
        context: the context to use instead of the current one.
    Raises:
        KubeconfigError: none was found, one is broken, or a context, cluster or user is missing.
    """
    files = [Path(path)] if path else candidates()
    found = [file for file in files if file.exists()]
    if path and not found:
        raise KubeconfigError(f"kubeconfig {path}: no such file")
    if not found:
        return _in_cluster(files)
    merged = _merge([_read(file) for file in found])
    return _access(merged, context, ", ".join(map(str, found)))


def candidates() -> list[Path]:
    """The files that `load` looks at when none is named: all of `$KUBECONFIG`, or the first default that exists."""
    listed = [Path(item) for item in os.environ.get("KUBECONFIG", "").split(os.pathsep) if item]
    if listed:
        return listed
    defaults = [data_dir() / "kubeconfig", Path.home() / ".kube" / "config"]
    existing = [file for file in defaults if _exists(file)]
    return existing[:1] or defaults


def write(path: str | Path, access: ClusterAccess, *, name: str = "hyperpy", user: str = "admin") -> None:
    """Write a kubeconfig of one context, readable by its owner only, all at once or not at all.

    It is JSON, which every YAML reader takes and which is read much faster.

    Args:
        path: the file; its folder is made when it is missing.
        access: what it says.
        name: of the cluster and the context.
        user: of the user entry.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = orjson.dumps(_document(access, name, user), option=orjson.OPT_INDENT_2) + b"\n"
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _exists(file: Path) -> bool:
    """Whether this user can see the file; a folder closed to them holds none for them."""
    try:
        return file.exists()
    except PermissionError:
        return False


def _document(access: ClusterAccess, name: str, user: str) -> dict[str, Any]:
    cluster: dict[str, Any] = {"server": access.server}
    if access.insecure:
        cluster["insecure-skip-tls-verify"] = True
    elif access.ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(access.ca_pem).decode()
    who: dict[str, Any] = {}
    if access.cert_pem:
        who["client-certificate-data"] = base64.b64encode(access.cert_pem).decode()
        who["client-key-data"] = base64.b64encode(access.key_pem).decode()
    if access.token:
        who["token"] = access.token
    context = {"cluster": name, "user": user}
    if access.namespace:
        context["namespace"] = access.namespace
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": who}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def _read(file: Path) -> dict[str, Any]:
    """One file, its entries by name, each with the folder that its relative paths start from."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise KubeconfigError(f"kubeconfig {file}: {error.strerror}") from error
    document = _decode(raw, file)
    if not isinstance(document, dict):
        raise KubeconfigError(f"kubeconfig {file}: not a mapping")
    parsed: dict[str, Any] = {"current-context": document.get("current-context") or ""}
    for section, entry in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        parsed[section] = _entries(document.get(section) or [], entry, file)
    return parsed


def _entries(items: Any, entry: str, file: Path) -> dict[str, dict[str, Any]]:
    try:
        return {item["name"]: {**(item.get(entry) or {}), "/folder": file.parent} for item in reversed(items)}
    except (TypeError, KeyError, AttributeError) as error:
        raise KubeconfigError(f"kubeconfig {file}: {entry}s must be a list of name and {entry}") from error


def _decode(raw: bytes, file: Path) -> Any:
    try:
        return orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        pass
    from hyperpy.api import manifest

    try:
        return manifest.load(raw) or {}
    except manifest.ManifestError as error:
        raise KubeconfigError(f"kubeconfig {file}: {error}") from error


def _merge(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first file to name an entry, or to set the current context, wins."""
    merged: dict[str, Any] = {"clusters": {}, "users": {}, "contexts": {}, "current-context": ""}
    for parsed in files:
        merged["current-context"] = merged["current-context"] or parsed["current-context"]
        for section in ("clusters", "users", "contexts"):
            merged[section] = {**parsed[section], **merged[section]}
    return merged


def _access(config: Mapping[str, Any], context: str | None, where: str) -> ClusterAccess:
    name = context or config["current-context"]
    if not name:
        raise KubeconfigError(f"kubeconfig {where}: no current-context is set; name one with --context")
    chosen = _entry(config, "contexts", name, where)
    cluster = _entry(config, "clusters", chosen.get("cluster") or "", where)
    user = _entry(config, "users", chosen["user"], where) if chosen.get("user") else {}
    _refuse(cluster, _REFUSED_CLUSTER, where)
    _refuse(user, _REFUSED_USER, where)
    if not cluster.get("server"):
        raise KubeconfigError(f'kubeconfig {where}: cluster "{chosen["cluster"]}" has no server')
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    cert, key = _pem(user, "client-certificate", where), _pem(user, "client-key", where)
    if bool(cert) != bool(key):
        raise KubeconfigError(f"kubeconfig {where}: client-certificate and client-key must be given together")
    return ClusterAccess(
        server=cluster["server"],
        ca_pem=b"" if insecure else _pem(cluster, "certificate-authority", where),
        cert_pem=cert,
        key_pem=key,
        token=_token(user, where),
        namespace=chosen.get("namespace") or "",
        insecure=insecure,
    )


def _entry(config: Mapping[str, Any], section: str, name: str, where: str) -> dict[str, Any]:
    entry: dict[str, Any] | None = config[section].get(name)
    if entry is None:
        known = ", ".join(config[section]) or "none"
        raise KubeconfigError(f'kubeconfig {where}: no {section[:-1]} "{name}" (there is: {known})')
    return entry


def _refuse(entry: Mapping[str, Any], fields: Sequence[str], where: str) -> None:
    for field in fields:
        if entry.get(field):
            raise KubeconfigError(f'kubeconfig {where}: the field "{field}" is not supported')


def _pem(entry: Mapping[str, Any], field: str, where: str) -> bytes:
    """`<field>-data`, or the contents of the file that `<field>` names; the data wins."""
    data = entry.get(f"{field}-data")
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise KubeconfigError(f"kubeconfig {where}: {field}-data is not base64") from error
    return _file(entry, field, where)


def _token(user: Mapping[str, Any], where: str) -> str:
    return user.get("token") or _file(user, "tokenFile", where).decode().strip()


def _file(entry: Mapping[str, Any], field: str, where: str) -> bytes:
    if not entry.get(field):
        return b""
    path = entry["/folder"] / entry[field]
    try:
        return bytes(path.read_bytes())
    except OSError as error:
        raise KubeconfigError(f"kubeconfig {where}: {field} {path}: {error.strerror}") from error


def _in_cluster(looked: Sequence[Path]) -> ClusterAccess:
    """A pod's own access. Source: Kubernetes' documentation, "Accessing the Kubernetes API from a Pod"."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    token = _IN_CLUSTER / "token"
    if not host or not token.exists():
        places = ", ".join(map(str, looked))
        raise KubeconfigError(f"no kubeconfig found (looked at {places}); name one with --kubeconfig or $KUBECONFIG")
    return ClusterAccess(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_pem=(_IN_CLUSTER / "ca.crt").read_bytes(),
        token=token.read_text().strip(),
        namespace=(_IN_CLUSTER / "namespace").read_text().strip(),
    )
