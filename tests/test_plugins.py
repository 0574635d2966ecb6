"""The registry: names resolve, broken plugins stay harmless, nothing loads early."""

import re
import subprocess
import sys
import threading
import types
import warnings
from pathlib import Path
from textwrap import dedent

import pluggy
import pytest

from skmeta import API_VERSION, hookspecs, plugins
from skmeta.distances import Distance
from skmeta.hookspecs import hookimpl
from tests.plugin_sources import BROKEN, distance_plugin


class Taxi(Distance):
    def build(self, n_features):
        raise NotImplementedError


def plugin_with_distance(name, cls):
    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            return {name: cls}

    return Plugin()


def test_an_installed_plugin_is_found_by_name(install, registry):
    module = install("acme-taxi", distance_plugin("Taxi", "taxi"))
    cls = registry.get("distance", "taxi")
    assert cls is sys.modules[module].Taxi
    assert isinstance(registry.resolve("distance", "taxi"), cls)
    entry = next(e for e in registry.entries("distance") if e.name == "taxi")
    assert entry == plugins.Entry("distance", "taxi", cls, "acme-taxi", "1.0")


def test_what_is_no_string_resolves_to_itself(registry):
    thing = object()
    assert registry.resolve("distance", thing) is thing


def test_a_plugin_loads_at_the_first_look_up_that_needs_it_and_not_before(install):
    module = install("acme-lazy", distance_plugin("Lazy", "lazy"))
    registry = plugins.Registry()
    assert module not in sys.modules
    registry.get("distance", "lazy")
    assert module in sys.modules


@pytest.mark.parametrize("kind", hookspecs.KINDS)
def test_looking_a_built_in_up_imports_no_plugin(install, kind):
    names = [e.name for e in plugins.entries(kind) if e.is_builtin]
    module = install("acme-lazy", distance_plugin("Lazy", "lazy"))
    registry = plugins.Registry()
    for name in names:
        registry.get(kind, name)
        registry.get(kind, f"skmeta:{name}")
    assert module not in sys.modules


def test_a_full_name_imports_no_other_plugin(install, registry):
    one = install("acme-one", distance_plugin("One", "taxi"))
    two = install("acme-two", distance_plugin("Two", "taxi"))
    # As a package index does, without regard to case and separators.
    assert registry.get("distance", "Acme_One:taxi").__name__ == "One"
    assert one in sys.modules
    assert two not in sys.modules


def test_a_hook_is_called_at_the_first_look_up_of_its_kind(registry):
    calls = []

    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            calls.append("distance")
            return {"taxi": Taxi}

        @hookimpl
        def skmeta_backbones(self):
            calls.append("backbone")
            return {}

    registry.register(Plugin())
    registry.get("distance", "euclidean")
    assert calls == []
    registry.names("distance")
    registry.names("distance")
    assert calls == ["distance"]


@pytest.mark.parametrize("setting", ["off", " OFF ", "none", "acme-two"])
def test_what_is_switched_off_is_not_imported_and_said_where_it_is_missed(
    install, registry, monkeypatch, setting
):
    module = install("acme-one", distance_plugin("One", "one"))
    monkeypatch.setenv("SKMETA_PLUGINS", setting)
    assert "one" not in registry.names("distance")
    with pytest.raises(ValueError, match=r"SKMETA_PLUGINS switches off: .*acme-one"):
        registry.get("distance", "one")
    [row] = [row for row in registry.rows() if row.distribution == "acme-one"]
    assert (row.state, row.version) == ("off", "1.0")
    assert module not in sys.modules
    assert registry.get("distance", "euclidean") is plugins.get("distance", "euclidean")


@pytest.mark.parametrize("setting", ["", "on", "acme-two, Acme_One"])
def test_what_is_allowed_is_there(install, registry, monkeypatch, setting):
    install("acme-one", distance_plugin("One", "one"))
    monkeypatch.setenv("SKMETA_PLUGINS", setting)
    assert registry.get("distance", "one").__name__ == "One"


def test_fitting_a_built_in_learner_loads_no_plugin(install, tmp_path):
    module = install("acme-eager", "raise RuntimeError('imported too early')")
    root = Path(plugins.__file__).parents[2]
    code = f"""
        import sys
        sys.path[:0] = [{str(tmp_path)!r}, {str(root)!r}]
        import skmeta, skmeta.plugins
        assert {module!r} not in sys.modules
        assert "skmeta.builtin" not in sys.modules
        from sklearn.datasets import load_iris
        meta = skmeta.MetaClassifier(
            "protonet", augment="feature_noise", tasks="classes", max_epochs=1,
            tasks_per_epoch=4,
        )
        meta.fit(*load_iris(return_X_y=True))
        assert {module!r} not in sys.modules
        [failure] = [
            f for f in skmeta.plugins.failures() if f.distribution == "acme-eager"
        ]
        assert "imported too early" in failure.reason
    """
    run = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


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


def test_a_clash_is_an_error_that_names_both_and_the_full_names_resolve_it(
    install, registry
):
    one = install("acme-one", distance_plugin("One", "taxi"))
    two = install("acme-two", distance_plugin("Two", "taxi"))
    install("acme-other", distance_plugin("Other", "other"))

    assert registry.get("distance", "other").__name__ == "Other"
    with pytest.raises(ValueError, match=r"'acme-one:taxi' or 'acme-two:taxi'"):
        registry.get("distance", "taxi")
    assert registry.get("distance", "acme-one:taxi") is sys.modules[one].One
    assert registry.get("distance", "acme-two:taxi") is sys.modules[two].Two


def test_a_built_in_wins_a_clash_and_the_listing_reports_it(install, registry):
    module = install("acme-euclid", distance_plugin("Euclid", "euclidean"))
    own = registry.get("distance", "euclidean")
    assert own is registry.get("distance", "skmeta:euclidean")
    assert own.__module__.startswith("skmeta.")
    assert {"euclidean", "acme-euclid:euclidean"} <= set(registry.names("distance"))
    assert registry.get("distance", "acme-euclid:euclidean").__module__ == module
    assert own is registry.get("distance", "euclidean")  # also once that is loaded

    rows = {row.distribution: row for row in registry.rows() if row.name == "euclidean"}
    assert rows["skmeta"].state == "ready"
    assert rows["acme-euclid"].state == "clash"
    assert rows["acme-euclid"].reason == "also in skmeta, say 'acme-euclid:euclidean'"


def test_a_distribution_that_offers_a_name_twice_keeps_the_first(install, registry):
    twice = distance_plugin("First", "taxi"), distance_plugin("Second", "taxi")
    install("acme-twice", *twice)
    with pytest.warns(plugins.PluginWarning, match="'taxi' of .*'acme-twice'.* twice"):
        assert registry.get("distance", "taxi").__name__ == "First"


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


def test_the_name_of_the_built_ins_cannot_be_taken(registry):
    with pytest.raises(ValueError, match="'SkMeta' is the name of the built-ins"):
        registry.register(plugin_with_distance("taxi", Taxi), "SkMeta")


def test_every_listed_name_can_be_looked_up_also_after_a_clash(install, registry):
    install("acme-one", distance_plugin("One", "taxi"))
    install("acme-two", distance_plugin("Two", "taxi"))
    names = registry.names("distance")
    assert {"acme-one:taxi", "acme-two:taxi", "euclidean"} <= set(names)
    assert "taxi" not in names
    assert len({registry.get("distance", name) for name in names}) == len(names)


def test_an_unknown_name_is_answered_with_the_closest_and_the_command(registry):
    with pytest.raises(ValueError, match=r"mean 'euclidean'.*python -m skmeta plu"):
        registry.get("distance", "euclidian")
    with pytest.raises(ValueError, match="mean 'skmeta:euclidean'"):
        registry.get("distance", "skmeta:euclidian")


def test_an_unknown_name_is_answered_with_the_plugins_that_failed(install, registry):
    install("acme-gone", BROKEN["import error"][0])
    with (
        pytest.warns(plugins.PluginWarning),
        pytest.raises(ValueError, match=r"failed to load: .*acme-gone"),
    ):
        registry.get("distance", "gone")


def test_an_unknown_kind_is_an_error_that_names_the_kinds(registry):
    with pytest.raises(ValueError, match="'algorithm', 'backbone', 'distance'"):
        registry.names("distnace")


def test_the_built_in_algorithms_have_names():
    assert {"maml", "anil", "protonet"} <= set(plugins.names("algorithm"))
    assert {"mlp", "linear", "identity"} <= set(plugins.names("backbone"))


def test_a_plugin_of_this_process_comes_and_goes(registry):
    before = registry.names("distance")
    assert registry.register(plugin_with_distance("taxi", Taxi), "mine") == "mine"
    assert registry.get("distance", "taxi") is Taxi
    assert registry.get("distance", "mine:taxi") is Taxi
    registry.unregister("mine")
    assert registry.names("distance") == before
    with pytest.raises(ValueError, match="mine"):
        registry.unregister("mine")


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


@pytest.fixture
def shared_with_plugin(monkeypatch):
    """Return a module that a plugin's source can import by the same name."""
    module = types.ModuleType("shared_with_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_plugin_may_look_a_name_up_while_it_loads(
    install, registry, shared_with_plugin
):
    shared_with_plugin.registry = registry
    look_up = dedent("""
    from shared_with_plugin import registry
    assert "euclidean" in registry.names("distance")
    """)
    install("acme-curious", look_up + distance_plugin("Curious", "curious"))
    assert "curious" in registry.names("distance")


def test_no_thread_is_answered_before_every_plugin_is_loaded(
    install, registry, shared_with_plugin
):
    shared_with_plugin.loading = threading.Event()
    shared_with_plugin.answered = threading.Event()
    # Holds its import open for an answer that must not come.
    hold = dedent("""
    from shared_with_plugin import answered, loading
    loading.set()
    answered.wait(0.2)
    """)
    install("acme-slow", hold + distance_plugin("Slow", "slow"))
    first = threading.Thread(target=registry.names, args=["distance"])
    first.start()
    assert shared_with_plugin.loading.wait(10)
    names = registry.names("distance")
    shared_with_plugin.answered.set()
    first.join()
    assert "slow" in names


def test_the_listing_has_a_line_per_name_and_per_failure(install, registry):
    install("acme-one", distance_plugin("One", "taxi"), version="1.2")
    install("acme-two", distance_plugin("Two", "taxi"), version="3.4")
    install("acme-gone", BROKEN["import error"][0])
    with pytest.warns(plugins.PluginWarning, match="acme-gone"):
        lines = plugins.table(registry.rows()).splitlines()

    [one] = [line for line in lines if " acme-one " in line]
    assert one.split()[:4] == ["distance", "taxi", "acme-one", "1.2"]
    assert "A One distance." in one
    assert "More about it" not in one
    assert one.endswith("say 'acme-one:taxi'")
    [gone] = [line for line in lines if "acme-gone" in line]
    assert "failed: ModuleNotFoundError" in gone
    [euclidean] = [line for line in lines if line.split()[1] == "euclidean"]
    assert euclidean.endswith("ready")
    # Aligned: the distribution begins in the same column everywhere.
    column = lines[0].index("distribution")
    assert one[column:].startswith("acme-one")
    assert euclidean[column:].startswith("skmeta")


def test_every_built_in_algorithm_has_a_row_in_the_docs():
    docs = Path(__file__).parent.parent / "docs" / "algorithms.md"
    rows = set(re.findall(r"^\| `([\w+]+)` \|", docs.read_text(), flags=re.MULTILINE))
    built_in = {
        e.name for e in plugins.entries("algorithm") if e.distribution == "skmeta"
    }
    assert rows == built_in
