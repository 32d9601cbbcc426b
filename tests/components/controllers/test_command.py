"""`hyperpy controllers`: what cannot be is refused by name, before anything is connected to."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hyperpy.components.controllers.command import app

ONE_FAMILY = "--node-cidr-mask-size is for one network"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--use-service-account-credentials"], "every loop works as system:kube-controller-manager"),
        (["--leader-elect-resource-lock=endpoints"], "there is no other lock than leases"),
        (["--leader-elect-renew-deadline=20s"], "must be less than --leader-elect-lease-duration"),
        (["--leader-elect-retry-period=9s"], "less than --leader-elect-renew-deadline"),
        (["--leader-elect-lease-duration=15.5s"], "a Lease lasts whole seconds"),
        (["--node-eviction-rate=-1"], "--node-eviction-rate=-1 is no number"),
        (["--node-cidr-mask-size=20", "--cluster-cidr=10.1.0.0/16,fd00::/56"], ONE_FAMILY),
        (["--node-cidr-mask-size-ipv6=80"], "has no such network"),
        (["--cluster-signing-cert-file=/none"], "go together; give both"),
        (["--cluster-signing-cert-file=/none", "--cluster-signing-key-file=/none"], "/none: No such file"),
        (["--legacy-service-account-token-clean-up-period=1h"], "is less than 24h"),
    ],
    ids=lambda value: value[0].partition("=")[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused(args: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["--master=127.0.0.1:1", *args])
    assert done.exception is not None and told in str(done.exception)


@pytest.mark.parametrize("flag", ["--concurrent-service-syncs=3", "--node-monitor-period=5s"])
def test_flags_that_would_do_nothing_are_no_options(flag: str) -> None:
    done = CliRunner().invoke(app, [flag])
    assert done.exit_code == 2 and flag.partition("=")[0] in done.output
