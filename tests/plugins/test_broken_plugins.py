"""A broken plugin is reported by name and leaves the rest usable."""

import re
import types
import warnings
from textwrap import dedent

import pluggy
import pytest

from skmeta import hookspecs, plugins
from skmeta.hookspecs import hookimpl
from tests.plugin_sources import BROKEN, Taxi, distance_plugin, plugin_with_distance


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_once_and_leaves_the_rest_usable(
    install, registry, source, reason
):
    # Names that sort on either side, so that one of them is loaded later.
    install("acme-a", distance_plugin("First", "first"))
    install("acme-m", source)
    install("acme-z", distance_plugin("Last", "last"))

    with pytest.warns(plugins.PluginWarning) as caught:
        names = {kind: registry.names(kind) for kind in hookspecs.KINDS}["distance"]
    assert {"first", "last", "euclidean"} <= set(names)
    # One report of the plugin as a whole, or of its hook, or of the name.
    [message] = [str(w.message) for w in caught if "acme-m" in str(w.message)]
    assert re.search(reason, message)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.names("distance") == names
        registry.register(plugin_with_distance("new", Taxi))  # looks all up anew
        assert registry.names("distance") == sorted([*names, "new"])
        [failure] = [f for f in registry.failures() if f.distribution == "acme-m"]
    assert re.search(reason, failure.reason)
    assert not [w for w in caught if "acme-m" in str(w.message)]


def test_damaged_metadata_harm_nobody_else(install, registry, tmp_path):
    install("acme-fine", distance_plugin("Fine", "fine"))
    module = install("acme-torn", distance_plugin("Torn", "torn"))
    tmp_path.joinpath("acme_torn-1.0.dist-info/METADATA").unlink()
    assert registry.get("distance", "fine").__name__ == "Fine"
    assert registry.entry("distance", "torn").distribution == module


def test_one_broken_hook_leaves_the_plugins_other_hooks_usable(install, registry):
    broken_hook = dedent("""
    @hookimpl
    def skmeta_backbones():
        raise OSError("disk on fire")
    """)
    install("acme-half", distance_plugin("Half", "half") + broken_hook)
    with pytest.warns(plugins.PluginWarning, match=r"skmeta_backbones\(\).*acme-half"):
        registry.names("backbone")
    assert registry.get("distance", "half").__name__ == "Half"


def test_a_broken_plugin_stays_harmless_when_warnings_are_errors(install, registry):
    install("acme-a-broken", BROKEN["import error"][0])
    install("acme-fine", distance_plugin("Fine", "fine"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", plugins.PluginWarning)
        with pytest.raises(plugins.PluginWarning, match="acme-a-broken"):
            registry.get("distance", "fine")
        assert registry.get("distance", "fine").__name__ == "Fine"


def test_hooks_of_a_later_skmeta_are_no_fault(install, registry):
    later_hook = dedent("""
    @hookimpl
    def skmeta_telepathy():
        return {}
    """)
    install("acme-new", distance_plugin("New", "new") + later_hook)
    assert registry.get("distance", "new").__name__ == "New"
    assert "acme-new" not in {failure.distribution for failure in registry.failures()}


def test_a_distribution_that_offers_a_name_twice_keeps_the_first(install, registry):
    twice = distance_plugin("First", "taxi"), distance_plugin("Second", "taxi")
    install("acme-twice", *twice)
    with pytest.warns(plugins.PluginWarning, match="'taxi' of .*'acme-twice'.* twice"):
        assert registry.get("distance", "taxi").__name__ == "First"


def test_an_unknown_name_is_answered_with_the_plugins_that_failed(install, registry):
    install("acme-gone", BROKEN["import error"][0])
    with (
        pytest.warns(plugins.PluginWarning),
        pytest.raises(ValueError, match=r"failed to load: .*acme-gone"),
    ):
        registry.get("distance", "gone")


def test_registering_what_has_no_hook_is_an_error_and_leaves_no_trace(registry):
    module = types.ModuleType("hookless")
    with pytest.raises(TypeError, match="hookimpl"):
        registry.register(module)
    module.skmeta_distances = plugin_with_distance("taxi", Taxi).skmeta_distances
    registry.register(module)
    assert registry.get("distance", "taxi") is Taxi


def test_registering_a_hook_of_the_wrong_form_leaves_no_trace(registry):
    class Plugin:
        @hookimpl
        def skmeta_algorithms(self):
            return {}

        @hookimpl
        def skmeta_distances(self, colour):
            return {}

    with pytest.raises(pluggy.PluginValidationError, match="colour"):
        registry.register(Plugin(), "acme")
    registry.register(plugin_with_distance("taxi", Taxi), "acme")
    assert registry.get("distance", "acme:taxi") is Taxi
