"""hyperpy ctl expose: a Service for the pods of a Pod, Deployment, ReplicaSet, ReplicationController or Service."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hyperpy.api import kinds
from hyperpy.api.kinds import Kind
from hyperpy.commands import UserError
from hyperpy.ctl import dry_run, output
from hyperpy.ctl.create import create_one, tell
from hyperpy.ctl.dry_run import DryRun
from hyperpy.ctl.manifests import Placed
from hyperpy.ctl.pairs import parse_map
from hyperpy.ctl.resources import Target
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_TYPES = ("", "ClusterIP", "NodePort", "LoadBalancer")
_PROTOCOLS = ("", "TCP", "UDP", "SCTP")
Obj = dict[str, Any]


@app.command(cls=Verb)
def expose(
    ctx: typer.Context,
    resources: Annotated[list[str], typer.Argument(metavar="TYPE NAME", help="Or TYPE/NAME.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The Service's port.")] = 0,
    target_port: Annotated[str, typer.Option("--target-port", help="The pods' port, a number or a name.")] = "",
    name: Annotated[str, typer.Option("--name", help="The Service's name; the object's when not given.")] = "",
    service_type: Annotated[str, typer.Option("--type", help="ClusterIP, NodePort or LoadBalancer.")] = "",
    protocol: Annotated[str, typer.Option("--protocol", help="TCP, UDP or SCTP.")] = "",
    selector: Annotated[str, typer.Option("--selector", help="KEY=VALUE,...; the object's when not given.")] = "",
    cluster_ip: Annotated[str, typer.Option("--cluster-ip", help="The ClusterIP; None for a headless one.")] = "",
    labels: Annotated[
        str, typer.Option("-l", "--labels", help="The Service's labels; the object's when not given.")
    ] = "",
    dry_run_mode: dry_run.Flag = "none",
    output_format: output.Flag = "",
) -> None:
    """Make a Service for pods."""
    session: Session = ctx.obj
    mode = DryRun.parse(dry_run_mode)
    output.check(output_format)
    if service_type not in _TYPES:
        raise UserError(f"Invalid service type: {service_type}; it must be ClusterIP, NodePort or LoadBalancer")
    if protocol.upper() not in _PROTOCOLS:
        raise UserError(f"Invalid protocol: {protocol}; it must be TCP, UDP or SCTP")
    target = _target(session, resources)
    obj = session.client.get(target.kind, target.name or "", namespace=session.namespace)
    spec: Obj = {
        "selector": parse_map(selector, what="selector") if selector else selector_of(target.kind, obj),
        "ports": service_ports(target.kind, obj, port=port, target_port=target_port, protocol=protocol.upper()),
    }
    if service_type:
        spec["type"] = service_type
    if cluster_ip:
        spec["clusterIP"] = cluster_ip
    meta: Obj = {"name": name or target.name, "namespace": session.namespace}
    carried = parse_map(labels, what="labels") if labels else obj["metadata"].get("labels")
    if carried:
        meta["labels"] = carried
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    placed = Placed(kinds.SERVICE, session.namespace, meta["name"], service, "")
    tell(placed, create_one(session, placed, mode), f"exposed{mode}", output_format)


def _target(session: Session, words: list[str]) -> Target:
    target, *others = session.resources.targets(words)
    if others or target.name is None:
        raise UserError("name one object to expose, as TYPE/NAME")
    return target


def selector_of(kind: Kind, obj: Obj) -> dict[str, str]:
    """The labels by which a Service can select the object's pods.

    Raises:
        UserError: there are none, or the kind has no pods.
    """
    spec = obj.get("spec") or {}
    if kind == kinds.POD:
        found = obj["metadata"].get("labels")
    elif kind in (kinds.SERVICE, kinds.REPLICATION_CONTROLLER):
        found = spec.get("selector")
    elif isinstance(spec.get("selector"), dict):
        if spec["selector"].get("matchExpressions"):
            raise UserError("the selector has match expressions, which a Service cannot have; give --selector")
        found = spec["selector"].get("matchLabels")
    else:
        raise UserError(f"cannot expose a {kind.kind}")
    if not found:
        raise UserError("the object has no labels to select by; give --selector")
    return dict(found)


def service_ports(kind: Kind, obj: Obj, *, port: int, target_port: str, protocol: str) -> list[Obj]:
    """The Service's ports: the one asked for, else those that the object names.

    Raises:
        UserError: neither is there.
    """
    target: int | str = int(target_port) if target_port.isdigit() else target_port
    if port:
        return [{"port": port, "protocol": protocol or "TCP", "targetPort": target or port}]
    found = _ports_of(kind, obj)
    if not found:
        raise UserError("couldn't find port via --port flag or introspection")
    ports: list[Obj] = []
    for number, own_protocol in found:
        entry: Obj = {"port": number, "protocol": protocol or own_protocol, "targetPort": target or number}
        if len(found) > 1:
            entry["name"] = f"port-{len(ports) + 1}"
        ports.append(entry)
    return ports


def _ports_of(kind: Kind, obj: Obj) -> list[tuple[int, str]]:
    spec = obj.get("spec") or {}
    if kind == kinds.SERVICE:
        return [(port["port"], port.get("protocol") or "TCP") for port in spec.get("ports") or ()]
    pod = spec if kind == kinds.POD else (spec.get("template") or {}).get("spec") or {}
    return [
        (port["containerPort"], port.get("protocol") or "TCP")
        for container in pod.get("containers") or ()
        for port in container.get("ports") or ()
    ]
