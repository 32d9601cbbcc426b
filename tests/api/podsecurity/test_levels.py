"""What a namespace's labels ask for."""

from __future__ import annotations

import pytest

from hyperpy.api.podsecurity import LevelVersion, Policy, policy_of

P = "pod-security.kubernetes.io/"
LEVELS = "must be one of privileged, baseline, restricted"


@pytest.mark.parametrize(
    ("labels", "policy", "problems"),
    [
        pytest.param({}, Policy(), [], id="none"),
        pytest.param(
            {P + "enforce": "restricted", P + "enforce-version": "v1.30"},
            Policy(enforce=LevelVersion("restricted", "v1.30"), warn=LevelVersion("restricted", "v1.30")),
            [],
            id="enforce-warns-too",
        ),
        pytest.param(
            {P + "enforce": "baseline", P + "warn": "privileged"},
            Policy(enforce=LevelVersion("baseline")),
            [],
            id="unless-warn-says-otherwise",
        ),
        pytest.param(
            {P + "enforce": "nonsense", P + "audit": "nonsense", P + "warn-version": "1.2"},
            Policy(enforce=LevelVersion("restricted"), warn=LevelVersion("restricted")),
            [
                f'metadata.labels[{P}enforce]: Invalid value: "nonsense": {LEVELS}',
                f'metadata.labels[{P}audit]: Invalid value: "nonsense": {LEVELS}',
                f'metadata.labels[{P}warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
            ],
            id="bad",
        ),
    ],
)
def test_labels_make_a_policy(labels, policy, problems):
    found, causes = policy_of(labels, Policy())
    assert found == policy
    assert list(map(str, causes)) == problems
