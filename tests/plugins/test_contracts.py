"""What a plugin may offer: classes of its kind, for a version that fits."""

import pytest

from skmeta import API_VERSION, plugins
from skmeta.hookspecs import hookimpl
from tests.plugin_sources import Taxi, plugin_with_distance


def test_one_wrong_offer_leaves_the_others_of_its_hook_usable(registry):
    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            return {"taxi": Taxi, "number": int, "taxi:2": Taxi}

    registry.register(Plugin(), "mixed")
    with pytest.warns(plugins.PluginWarning) as caught:
        assert registry.get("distance", "taxi") is Taxi
    messages = sorted(str(w.message) for w in caught)
    assert len(messages) == 2
    assert "the distance 'number' of the plugin 'mixed' is left out" in messages[0]
    assert "inherit from skmeta.distances.Distance" in messages[0]
    assert "the distance 'taxi:2' of the plugin 'mixed'" in messages[1]


def test_a_class_that_needs_arguments_says_so_where_it_is_used(registry):
    class Greedy(Taxi):
        def __init__(self, weight):
            self.weight = weight

    registry.register(plugin_with_distance("greedy", Greedy), "acme")
    with pytest.raises(TypeError, match=r"Greedy cannot be made without arg.*weight"):
        registry.resolve("distance", "greedy")
    [row] = [row for row in registry.rows() if row.name == "greedy"]
    assert row.state == "failed"
    assert "weight" in row.reason
    assert row.use is None


@pytest.mark.parametrize("version", [API_VERSION, [*API_VERSION], (API_VERSION[0], 0)])
def test_a_plugin_written_for_this_api_or_an_earlier_minor_of_it_fits(
    registry, version
):
    plugin = plugin_with_distance("taxi", Taxi)
    plugin.skmeta_api_version = version
    registry.register(plugin)
    assert registry.get("distance", "taxi") is Taxi


@pytest.mark.parametrize(
    "version", [(API_VERSION[0], API_VERSION[1] + 1), (API_VERSION[0] + 1, 0), (0, 99)]
)
def test_a_plugin_written_for_another_api_is_refused(registry, version):
    plugin = plugin_with_distance("taxi", Taxi)
    plugin.skmeta_api_version = version
    newer = "skmeta$" if version > API_VERSION else "release of the plugin$"
    with pytest.raises(ImportError, match=f"{version[0]}.{version[1]} .*{newer}"):
        registry.register(plugin)
