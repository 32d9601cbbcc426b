"""What `hyperpy ctl why` has to say, as text and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hyperpy.api.printers.durations import duration
from hyperpy.ctl import tables

if TYPE_CHECKING:
    from hyperpy.components.scheduler.remedies import Help, Remedy
    from hyperpy.components.scheduler.trace import Trace

Obj = dict[str, Any]

#: Lines of changes that are printed; JSON has them all.
REMEDIES = 10
OF_A_SORT = 3
#: Names that are printed of one group of nodes.
NAMES = 5


@dataclass(slots=True)
class Story:
    """All that is known.

    Args:
        trace: of the newest decision; None when there is none (any more).
        message: of the scheduler's Event, else of the condition.
        age_s: of the Event.
        help: what would help; None where it was not tried.
        no_help: why it was not.
        unasked: plugins of the scheduler that could not be asked what would help.
    """

    pod: Obj
    trace: Trace | None
    message: str
    age_s: float | None = None
    help: Help | None = None
    no_help: str = ""
    unasked: tuple[str, ...] = ()

    @property
    def node(self) -> str:
        return str(self.pod["spec"].get("nodeName") or "")

    @property
    def waits(self) -> bool:
        """It has no node, and still needs one."""
        ended = (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        return not self.node and not ended and not self.pod["metadata"].get("deletionTimestamp")

    @property
    def gates(self) -> list[str]:
        return [gate["name"] for gate in self.pod["spec"].get("schedulingGates") or ()]

    @property
    def scheduler(self) -> str:
        return str(self.pod["spec"].get("schedulerName") or "default-scheduler")

    def as_object(self) -> Obj:
        """For `-o json`."""
        about = self.pod["metadata"]
        found: Obj = {
            "pod": about["name"], "namespace": about["namespace"], "scheduler": self.scheduler, "node": self.node,
            "gates": self.gates, "message": self.message, "ageSeconds": self.age_s,
            "trace": asdict(self.trace) if self.trace is not None else None,
        }  # fmt: skip
        if self.help is not None:
            remedies = [
                {"steps": list(each.steps), "nodes": list(each.nodes), "size": each.size} for each in self.help.remedies
            ]
            found["help"] = {"fits": list(self.help.fits), "remedies": remedies, "notAsked": list(self.unasked)}
        elif self.no_help:
            found["help"] = {"problem": self.no_help}
        return found


def text(story: Story) -> str:
    """For people."""
    name = story.pod["metadata"]["name"]
    if story.node:
        return _scheduled(name, story)
    if not story.waits:
        return f"{name} needs no node any more: it has ended or is being deleted.\n"
    if story.gates:
        return (
            f"{name} is not scheduled yet: it has scheduling gates: {', '.join(story.gates)}.\n"
            "\nWhat would help:\n  let what set the gates remove them from spec.schedulingGates\n"
        )
    return _waiting(name, story) + _helping(story)


def _scheduled(name: str, story: Story) -> str:
    trace = story.trace
    if trace is None or trace.node != story.node:
        return (
            f"{name} is on node {story.node}. Why is not known any more: a decision is told in an Event, which is kept "
            "for an hour;\na pod that names its node itself, or is bound by hand, is not decided on.\n"
        )
    head = f"{name} is on node {trace.node}, by {story.scheduler}{_ago(story)}"
    if not trace.parts:
        return f"{head}: it was the only one of {_nodes(trace.total)} that was possible.\n"
    total = sum(part.score * part.weight for part in trace.parts)
    lines = [["PLUGIN", "SCORE", "WEIGHT", "COUNTS"]]
    for part in sorted(trace.parts, key=lambda part: -part.score * part.weight):
        lines.append([part.plugin, f"{part.score:g}", f"{part.weight:g}", f"{part.score * part.weight:g}"])
    second = f"; the next best, {trace.second}, had {trace.second_score:g}" if trace.second else ""
    return (
        f"{head}: the best of {trace.possible} possible nodes, of {trace.total}, with {total:g}{second}.\n\n"
        f"{tables.align(lines)}"
    )


def _waiting(name: str, story: Story) -> str:
    trace = story.trace
    if trace is None:
        if not story.message:
            return f"{name} has no node: no scheduler has told of it. Does one named {story.scheduler} run?\n"
        return f"{name} has no node{_ago(story)}: {story.message}\n"
    tries = f", try {trace.attempts}" if trace.attempts > 1 else ""
    if not trace.total:
        return f"{name} has no node, says {story.scheduler}{_ago(story)}{tries}: there are no nodes.\n"
    lines = [["PLUGIN", "NODES", "WHY", "WHICH"]]
    for each in trace.refusals:
        lines.append([each.plugin, str(each.count), ", ".join(each.reasons), _names(each.nodes, each.count)])
    return (
        f"{name} has no node, says {story.scheduler}{_ago(story)}{tries}: none of {_nodes(trace.total)} will do.\n\n"
        f"{tables.align(lines)}"
    )


def _helping(story: Story) -> str:
    if story.help is None:
        return f"\nWhat would help was {story.no_help}.\n" if story.no_help else ""
    lines = []
    if story.trace is None and not story.message:
        lines.append(f"run a scheduler named {story.scheduler}, or let the pod name one that runs")
    elif story.help.fits:
        lines.append(f"nothing: {_names(story.help.fits, len(story.help.fits))} would take it now")
    shown = _shown(story.help.remedies)
    lines += [_line(each) for each in shown]
    more = len(story.help.remedies) - len(shown)
    if more > 0:
        lines.append(f"… and {more} more (-o json has all)")
    if not lines:
        lines = ["no change that could be tried here; another node may"]
    said = "".join(f"  {line}\n" for line in lines)
    unasked = f"Not asked, because they cannot be here: {', '.join(story.unasked)}.\n" if story.unasked else ""
    return f"\nWhat would help, the smallest change first:\n{said}{unasked}"


def _shown(remedies: Sequence[Remedy]) -> list[Remedy]:
    """The smallest, but not too many of one sort: they begin with the same word."""
    sorts: Counter[str] = Counter()
    found = []
    for each in remedies:
        sort = each.steps[0].split()[0]
        sorts["" if sort[0].isdigit() else sort] += 1
        if sorts["" if sort[0].isdigit() else sort] <= OF_A_SORT:
            found.append(each)
    return found[:REMEDIES]


def _line(remedy: Remedy) -> str:
    where = _names(remedy.nodes, len(remedy.nodes))
    return f"{' and '.join(remedy.steps)} ({'node' if len(remedy.nodes) == 1 else 'one of'} {where})"


def _names(nodes: Sequence[str], count: int) -> str:
    shown = list(nodes[:NAMES])
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more and shown else "") or "all"


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _ago(story: Story) -> str:
    return f" ({duration(story.age_s)} ago)" if story.age_s is not None else ""
