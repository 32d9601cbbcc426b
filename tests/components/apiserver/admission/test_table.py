"""Which plugins are asked, by their names in flags."""

from __future__ import annotations

import pytest

from hyperpy.components.apiserver.admission import table
from hyperpy.components.apiserver.admission.world import Settings
from hyperpy.components.apiserver.config import CoreConfig


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param(
            Settings(enable=("Nonsense",)), '--enable-admission-plugins: plugin "Nonsense" is unknown', id="?"
        ),
        pytest.param(Settings(disable=("Nonsense",)), '--disable-admission-plugins: plugin "Nonsense"', id="disabled"),
        pytest.param(Settings(enable=("EventRateLimit",)), 'plugin "EventRateLimit" is not supported', id="foreign"),
        pytest.param(Settings(enable=("Priority",), disable=("Priority",)), "overlapped", id="both"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(settings, says):
    with pytest.raises(table.UnknownPlugin) as refusal:
        table.check(settings)
    assert says in str(refusal.value)


def test_what_is_off_anyway_may_be_disabled():
    table.check(Settings(enable=("Priority",), disable=("AlwaysPullImages", "ServiceAccount")))


def test_the_order_is_kubernetes():
    names = [row.name for row in table.PLUGINS]
    assert names[0] == "NamespaceLifecycle"
    assert names.index("ServiceAccount") < names.index("Priority") < names.index("DefaultTolerationSeconds")


class TestDisabled:
    @pytest.fixture
    def config(self):
        return CoreConfig(admission=Settings(disable=("DefaultTolerationSeconds",)))

    async def test_a_disabled_plugin_is_not_asked(self, cluster, make_pod):
        made = await cluster.json("POST", "/api/v1/namespaces/default/pods", make_pod("p"))
        assert "tolerations" not in made["spec"]
