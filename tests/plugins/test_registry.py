"""The registry: names resolve, clashes are said, and plugins come and go."""

import re
import sys
from pathlib import Path

import pytest

from skmeta import plugins
from tests.plugin_sources import Taxi, distance_plugin, plugin_with_distance


def test_an_installed_plugin_is_found_by_name(install, registry):
    module = install("acme-taxi", distance_plugin("Taxi", "taxi"))
    cls = registry.get("distance", "taxi")
    assert cls is sys.modules[module].Taxi
    assert isinstance(registry.resolve("distance", "taxi"), cls)
    entry = next(e for e in registry.entries("distance") if e.name == "taxi")
    assert entry == plugins.Entry("distance", "taxi", cls, "acme-taxi", "1.0")


def test_what_is_no_string_resolves_to_itself(registry):
    thing = Taxi()
    assert registry.resolve("distance", thing) is thing


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Taxi, r"Pass an instance as distance, Taxi\(\.\.\.\), not the class"),
        (max, "<built-in function max> is no distance, for it has no build"),
        (None, "None is no distance.*All names: python -m skmeta plugins"),
    ],
)
def test_what_cannot_be_of_a_kind_is_refused(registry, value, message):
    with pytest.raises(TypeError, match=message):
        registry.resolve("distance", value)


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


def test_every_built_in_algorithm_has_a_row_in_the_docs():
    docs = Path(__file__).parents[2] / "docs" / "algorithms.md"
    rows = set(re.findall(r"^\| `([\w+]+)` \|", docs.read_text(), flags=re.MULTILINE))
    built_in = {
        e.name for e in plugins.entries("algorithm") if e.distribution == "skmeta"
    }
    assert rows == built_in


def test_the_page_of_names_has_every_built_in_algorithm():
    page = (Path(__file__).parents[2] / "docs" / "inside.md").read_text()
    for entry in plugins.entries("algorithm"):
        if entry.distribution == "skmeta":
            assert f'`"{entry.name}"`' in page


@pytest.mark.parametrize("name", ["Euclidean", "EUCLIDEAN", "skmeta:Euclidean"])
def test_a_name_in_capitals_is_the_same_name(name, registry):
    assert registry.get("distance", name) is registry.get("distance", "euclidean")


def test_a_name_as_it_is_written_comes_before_other_spellings(install, registry):
    module = install("acme-taxi", distance_plugin("Taxi", "EUCLIDEAN"))
    assert registry.get("distance", "EUCLIDEAN") is sys.modules[module].Taxi
    assert registry.get("distance", "Euclidean").__module__.startswith("skmeta.")
    assert registry.get("distance", "acme-taxi:euclidean") is sys.modules[module].Taxi


def test_an_unknown_name_in_capitals_is_answered_with_the_closest(registry):
    with pytest.raises(ValueError, match="mean 'euclidean'"):
        registry.get("distance", "EUCLIDIAN")
