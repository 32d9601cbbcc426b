"""How many objects are worked on at once, by kube-controller-manager's flags."""

from __future__ import annotations

import re

import pytest

from hyperpy.commands import UserError
from hyperpy.components.controllers import syncs, table


def test_the_flags_are_read_in_both_forms_and_the_rest_is_left() -> None:
    args = ["--v=2", "--concurrent-gc-syncs=30", "--concurrent-rc-syncs", "7", "--master", "x"]
    rest, workers = syncs.take(args)
    assert rest == ["--v=2", "--master", "x"]
    assert workers == {"garbage-collector-controller": 30, "replicationcontroller-controller": 7}


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_number_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--concurrent-job-syncs={value} is no number of one or more")):
        syncs.take([f"--concurrent-job-syncs={value}"])


def test_flags_of_controllers_that_are_not_here_are_left_for_the_command_to_refuse() -> None:
    assert syncs.take(["--concurrent-service-syncs=5"]) == (["--concurrent-service-syncs=5"], {})


def test_every_flag_is_for_a_controller_that_there_is() -> None:
    assert set(syncs.CONTROLLER_OF.values()) <= {row.name for row in table.CONTROLLERS}
