"""Values of Kubernetes' flags: booleans that may stand alone, durations."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from hyperpy import flags
from hyperpy.commands import UserError


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param([], "false", id="default"),
        pytest.param(["--wait"], "true", id="alone"),
        pytest.param(["--wait=false"], "false", id="given"),
        pytest.param(["--wait", "name"], "true", id="alone-before-an-argument"),
    ],
)
def test_a_boolean_flag_may_stand_alone(args: list[str], expected: str) -> None:
    app = typer.Typer()

    @app.command(cls=flags.GoFlags)
    def command(
        name: str = typer.Argument(""), wait: Annotated[str, typer.Option("--wait", metavar=flags.BOOL)] = "false"
    ) -> None:
        print(wait)

    assert CliRunner().invoke(app, args).output.strip() == expected


def test_a_boolean_is_what_go_takes_for_one() -> None:
    assert flags.boolean("--wait", "True") and not flags.boolean("--wait", "0")
    with pytest.raises(UserError, match="--wait=maybe is neither true nor false"):
        flags.boolean("--wait", "maybe")


@pytest.mark.parametrize(("text", "expected"), [("40s", 40), ("1m30s", 90), ("1.5h", 5400), ("200ms", 0.2)])
def test_durations(text: str, expected: float) -> None:
    assert flags.seconds("--grace", text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "40", "s", "1m x", "-1s", "1..2s"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(UserError, match="--grace="):
        flags.seconds("--grace", text)


def test_a_share_is_zero_or_more() -> None:
    assert flags.share("--tolerance", "0.25") == 0.25
    for text in ("-1", "nan", "inf", "much"):
        with pytest.raises(UserError, match=f"--tolerance={text} is no number of zero or more"):
            flags.share("--tolerance", text)
