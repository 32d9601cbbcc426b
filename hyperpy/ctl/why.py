"""hyperpy ctl why: why a pod has no node, or why it has the one it has, from the scheduler's own trace.

The scheduler leaves the trace of a decision in the Event that tells of it. What would help is tried out here, with the
scheduler's filters, on the nodes and pods that the API shows; nothing is changed.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.commands import UserError
from hyperpy.ctl.session import Session
from hyperpy.ctl.verb import Verb
from hyperpy.ctl.why_text import Story, text

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Obj = dict[str, Any]


@app.command(cls=Verb)
def why(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="POD", help="Or pod/NAME.")],
    output_format: Annotated[str, typer.Option("-o", "--output", help="json.")] = "",
) -> None:
    """Tell why a pod has no node and what would help, or why it has the node it has."""
    session: Session = ctx.obj
    if output_format not in ("", "json"):
        raise UserError(f'unable to match a printer suitable for the output format "{output_format}", use json')
    target = session.resources.object(words, default="pods")
    if target.kind != kinds.POD:
        raise UserError(f"why asks about pods; {target.kind.singular}/{target.name} is none")
    story = _story(session, session.client.get(kinds.POD, target.name or "", namespace=session.namespace))
    if output_format == "json":
        sys.stdout.write(json.dumps(story.as_object(), indent=4, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(text(story))


def _story(session: Session, pod: Obj) -> Story:
    from hyperpy.components.scheduler import trace

    event = _event(session, pod)
    annotation = ((event or {}).get("metadata") or {}).get("annotations") or {}
    traced = trace.read(annotation[trace.ANNOTATION]) if trace.ANNOTATION in annotation else None
    now = time.time()
    story = Story(
        pod=pod,
        trace=traced,
        message=(event or {}).get("message") or (meta.condition(pod, "PodScheduled") or {}).get("message") or "",
        age_s=now - meta.parse_time(_time_of(event)) if event is not None and _time_of(event) else None,
    )
    if story.waits and not story.gates:
        _look_for_help(session, story)
    return story


def _event(session: Session, pod: Obj) -> Obj | None:
    """The newest Event of a scheduler about the pod, or None."""
    about = pod["metadata"]
    chosen = f"involvedObject.kind=Pod,involvedObject.name={about['name']},involvedObject.uid={about['uid']}"
    try:
        found = session.client.list(kinds.EVENT, namespace=about["namespace"], field_selector=chosen)
    except errors.Forbidden as error:
        raise UserError(f"the scheduler's trace is in Events, which you may not list: {error}") from error
    told = "Scheduled" if pod["spec"].get("nodeName") else "FailedScheduling"
    wanted = [event for event in found if event.get("reason") == told]
    return max(wanted, key=_time_of, default=None)


def _time_of(event: Obj) -> str:
    last = (event.get("series") or {}).get("lastObservedTime")
    return str(event.get("lastTimestamp") or last or event.get("eventTime") or "")


def _look_for_help(session: Session, story: Story) -> None:
    """Try changes on the cluster as the API shows it; without the right to see it, that is said instead."""
    from hyperpy.components.scheduler import judging, remedies

    client = session.client
    try:
        nodes, placed, namespaces = client.list(kinds.NODE), client.list(kinds.POD), client.list(kinds.NAMESPACE)
    except errors.Forbidden as error:
        story.no_help = f"not tried: {error}"
        return
    cluster = judging.cluster(nodes, [pod for pod in placed if not pods.is_terminal(pod)], namespaces)
    asked = story.trace.filters if story.trace is not None and story.trace.filters else None
    profile, unasked = judging.profile(story.pod, asked, story.trace.configured if story.trace is not None else ())
    story.unasked = tuple(sorted(unasked))
    story.help = remedies.find(story.pod, cluster, profile)
