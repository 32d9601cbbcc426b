"""Rules of Jobs and CronJobs."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]

UID = "6a0e3a5e-0000-4000-8000-000000000001"
LABELS = {
    "batch.kubernetes.io/controller-uid": UID,
    "batch.kubernetes.io/job-name": "web",
    "controller-uid": UID,
    "job-name": "web",
}
SELECTOR = {"matchLabels": {"batch.kubernetes.io/controller-uid": UID}}
POD: Obj = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}
TEMPLATE: Obj = {"metadata": {"labels": LABELS}, "spec": POD}


def job(status: Obj | None = None, **spec: Any) -> Obj:
    """A Job as the API server completes it."""
    return {
        "metadata": {"uid": UID},
        "spec": {"selector": SELECTOR, "template": TEMPLATE, **spec},
        "status": status or {},
    }


def pod(**spec: Any) -> Obj:
    return {"template": {**TEMPLATE, "spec": {**POD, **spec}}}


INDEXED = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
CODES = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2]}}

JOB = [
    pytest.param({}, [], id="ordinary"),
    pytest.param({"parallelism": -1, "completions": -1, "backoffLimit": -1, "ttlSecondsAfterFinished": -1}, [f"spec.{field}: Invalid value: -1: must be greater than or equal to 0" for field in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished")], id="negative"),
    pytest.param(pod(restartPolicy="Always"), ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'], id="restart"),
    pytest.param({"completionMode": "Some"}, ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"'], id="mode"),
    pytest.param({"completionMode": "Indexed", "parallelism": 1}, ["spec.completions: Required value: when completion mode is Indexed"], id="indexed"),
    pytest.param({**INDEXED, "parallelism": 100001}, ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"], id="parallelism"),
    pytest.param({"backoffLimitPerIndex": 1}, ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"], id="limit by index"),
    pytest.param({**INDEXED, "maxFailedIndexes": 4}, ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified", "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"], id="failed indexes"),
    pytest.param({"managedBy": "me"}, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'], id="managed by"),
    pytest.param({"podReplacementPolicy": "Now"}, ['spec.podReplacementPolicy: Unsupported value: "Now": supported values: "Failed", "TerminatingOrFailed"'], id="replacement"),
    pytest.param({"podFailurePolicy": {"rules": [CODES]}}, [], id="failure policy"),
    pytest.param({"podFailurePolicy": {"rules": []}, "podReplacementPolicy": "TerminatingOrFailed"}, ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'], id="replacement with policy"),
    pytest.param({"podFailurePolicy": {"rules": []}, **pod(restartPolicy="OnFailure")}, ['spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'], id="restart with policy"),
    pytest.param({"podFailurePolicy": {"rules": [{}]}}, ['spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]', "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"], id="empty rule"),
    pytest.param({"podFailurePolicy": {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [2, 0, 2], "containerName": "x"}}]}}, ['spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set', 'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template', "spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator", "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 2", "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,0,2]: must be ordered"], id="exit codes"),
    pytest.param({"successPolicy": {"rules": [{"succeededCount": 1}]}}, ['spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode'], id="success"),
    pytest.param({**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "0,2", "succeededCount": 3}, {}]}}, ["spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)", "spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified"], id="success rules"),
    pytest.param({**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "0,3"}]}}, ['spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,3": error parsing succeededIndexes: too large index: "3"'], id="success index"),
    pytest.param({"template": {**TEMPLATE, "metadata": {"labels": {**LABELS, "job-name": "other"}}}}, [f"spec.template.metadata.labels[job-name]: Invalid value: {{\"batch.kubernetes.io/controller-uid\":\"{UID}\",\"batch.kubernetes.io/job-name\":\"web\",\"controller-uid\":\"{UID}\",\"job-name\":\"other\"}}: must be 'web'"], id="label of another"),
    pytest.param({"selector": {"matchLabels": {"a": "b"}}}, ['spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` not auto-generated', f"spec.template.metadata.labels: Invalid value: {{\"batch.kubernetes.io/controller-uid\":\"{UID}\",\"batch.kubernetes.io/job-name\":\"web\",\"controller-uid\":\"{UID}\",\"job-name\":\"web\"}}: `selector` does not match template `labels`"], id="selector"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), JOB)
def test_rules_of_a_job(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.JOB, job(**spec)) == expected


def test_an_indexed_job_leaves_room_for_the_index_in_its_name(complaints: Any) -> None:
    name = "a" * 62
    labels = {**LABELS, "job-name": name, "batch.kubernetes.io/job-name": name}
    obj = job(**INDEXED, template={**TEMPLATE, "metadata": {"labels": labels}})
    obj["metadata"]["name"] = name
    assert complaints(kinds.JOB, obj) == [
        f'metadata.name: Invalid value: "{name}": will not able to create pod with invalid DNS label: {name}-2'
    ]


MORE = {**TEMPLATE, "spec": {**POD, "nodeSelector": {"a": "b"}}}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param({"parallelism": 3, "completions": 1, "suspend": True}, {"parallelism": 1, "completions": 1}, [], id="parallelism"),
        pytest.param({"completions": 2, "parallelism": 1}, {"completions": 1, "parallelism": 1}, ["spec.completions: Invalid value: 2: field is immutable"], id="completions"),
        pytest.param({**INDEXED, "completions": 5, "parallelism": 5}, INDEXED, [], id="elastic"),
        pytest.param({**INDEXED, "completions": 5}, INDEXED, ["spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"], id="not elastic"),
        pytest.param({"template": MORE}, {}, ["spec.template: Invalid value"], id="template"),
        pytest.param({"template": MORE}, {"suspend": True}, [], id="suspended"),
        pytest.param({**pod(priorityClassName="x"), "suspend": True}, {"suspend": True}, ["spec.template: Invalid value"], id="suspended, elsewhere"),
        pytest.param({"managedBy": "a.b/c"}, {}, ['spec.managedBy: Invalid value: "a.b/c": field is immutable'], id="managed by"),
    ],
)  # fmt: skip
def test_changes_of_a_job(new: Obj, old: Obj, expected: list[str], change_complaints: Any) -> None:
    found = change_complaints(kinds.JOB, job(**new), job(**old))
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


START, END = "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"


def true(*names: str) -> list[Obj]:
    return [{"type": name, "status": "True"} for name in names]


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param({"startTime": START, "completionTime": END, "succeeded": 1, "conditions": true("SuccessCriteriaMet", "Complete")}, {"startTime": START}, [], id="complete"),
        pytest.param({"startTime": START, "completionTime": END, "conditions": true("Complete")}, {}, ["status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"], id="no criteria"),
        pytest.param({"startTime": START, "conditions": true("SuccessCriteriaMet", "Complete")}, {}, ["status.completionTime: Required value: completionTime is required for Complete jobs"], id="no completion time"),
        pytest.param({"completionTime": END}, {}, [f'status.completionTime: Invalid value: "{END}": cannot set completionTime when there is no Complete=True condition'], id="early"),
        pytest.param({"active": 1, "conditions": true("FailureTarget", "Failed")}, {}, ["status.active: Invalid value: 1: active>0 is invalid for finished job", "status.startTime: Required value: startTime is required for finished job"], id="finished"),
        pytest.param({"failed": 1}, {"failed": 2, "conditions": true("FailureTarget")}, ["status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition", "status.failed: Invalid value: 1: cannot decrease the failed counter"], id="backwards"),
        pytest.param({"ready": 2, "active": 1}, {}, ["status.ready: Invalid value: 2: cannot set more ready pods than active"], id="ready"),
        pytest.param({"completedIndexes": "0"}, {}, ['status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode'], id="indexes"),
        pytest.param({"startTime": END}, {"startTime": START}, ["status.startTime: Required value: startTime cannot be removed for unsuspended job"], id="start"),
        pytest.param({"uncountedTerminatedPods": {"succeeded": ["a", "a"]}}, {}, ['status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"'], id="uncounted"),
    ],
)  # fmt: skip
def test_a_status_of_a_job_goes_forward(new: Obj, old: Obj, expected: list[str], status_complaints: Any) -> None:
    assert status_complaints(kinds.JOB, job(new), job(old)) == expected


def test_failed_and_completed_indexes_do_not_overlap(status_complaints: Any) -> None:
    spec = {**INDEXED, "backoffLimitPerIndex": 1}
    status = {"completedIndexes": "0-1", "failedIndexes": "1-2"}
    assert status_complaints(kinds.JOB, job(status, **spec), job(**spec)) == [
        'status.failedIndexes: Invalid value: "1-2": failedIndexes and completedIndexes overlap at index: 1'
    ]


def cron_job(schedule: str = "* * * * *", job_spec: Obj | None = None, **spec: Any) -> Obj:
    template = {"spec": {"template": {"spec": POD}, **(job_spec or {})}}
    return {"spec": {"schedule": schedule, "jobTemplate": template, **spec}}


CRON_JOB = [
    pytest.param(cron_job(timeZone="Europe/Berlin"), [], id="ordinary"),
    pytest.param(cron_job(""), ["spec.schedule: Required value"], id="no schedule"),
    pytest.param(cron_job("x"), ['spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]'], id="schedule"),
    pytest.param(cron_job("TZ=UTC * * * * *"), ['spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'], id="zone in schedule"),
    pytest.param(cron_job(timeZone=""), ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'], id="empty zone"),
    pytest.param(cron_job(timeZone="Mars/Base"), ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'], id="unknown zone"),
    pytest.param(cron_job(timeZone="../etc"), ['spec.timeZone: Invalid value: "../etc": unknown time zone ../etc'], id="path"),
    pytest.param(cron_job(timeZone="local"), ['spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'], id="local"),
    pytest.param(cron_job(concurrencyPolicy="Some"), ['spec.concurrencyPolicy: Unsupported value: "Some": supported values: "Allow", "Forbid", "Replace"'], id="policy"),
    pytest.param(cron_job(startingDeadlineSeconds=-1, failedJobsHistoryLimit=-1), ["spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0", "spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0"], id="negative"),
    pytest.param(cron_job(job_spec={"manualSelector": True, "selector": {}}), ["spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated", 'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"'], id="selector"),
    pytest.param(cron_job(job_spec={"template": {"spec": {**POD, "restartPolicy": "Always"}}}), ['spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'], id="restart"),
    pytest.param({"metadata": {"name": "a" * 53}, **cron_job()}, [f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 bytes'], id="name"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), CRON_JOB)
def test_rules_of_a_cron_job(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.CRON_JOB, obj) == expected


def test_a_schedule_keeps_the_zone_it_had(change_complaints: Any) -> None:
    old = cron_job("TZ=UTC * * * * *")
    assert change_complaints(kinds.CRON_JOB, old, old) == []
    assert change_complaints(kinds.CRON_JOB, cron_job("TZ=UTC * * * * *", timeZone="UTC"), old) == [
        'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule'
    ]
