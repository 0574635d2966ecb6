"""``python -m skmeta plugins --check``: the report of a check."""

import json

import pytest

from tests.plugin_sources import BROKEN, distance_plugin

UNLIKE_ITSELF = distance_plugin("Far", "far").replace(".sum(-1)", ".sum(-1) * -1")


@pytest.mark.parametrize("name", ["fine", "acme-fine:fine", "Acme_Fine"])
def test_a_check_reports_law_by_law(install, command, name):
    install("acme-fine", distance_plugin("Fine", "fine"))
    code, out, _ = command("--check", name)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "distance 'fine' of acme-fine 1.0"
    assert lines[1] == "  passed  there_is_a_distance_per_pair"
    assert lines[-1] == "7 passed, 0 failed."


def test_a_broken_law_is_an_exit_code_of_one_and_a_message(install, command):
    install("acme-far", UNLIKE_ITSELF)
    code, out, _ = command("--check", "far")
    assert code == 1
    assert "  failed  nothing_is_nearer_than_itself\n          Far() breaks" in out
    assert "Smallest case: 1 row against 1, with 1 feature." in out
    assert "Hint: turn a similarity into a distance" in out
    assert out.endswith("6 passed, 1 failed.\n")

    code, out, _ = command("--check", "far", "--json")
    [report] = json.loads(out)
    assert code == 1
    assert report["name"] == "far"
    [failed] = [each for each in report["results"] if each["status"] == "failed"]
    assert failed["law"] == "nothing_is_nearer_than_itself"
    assert failed["smallest_case"] == "1 row against 1, with 1 feature"


def test_a_distribution_is_checked_as_a_whole(install, command):
    sources = distance_plugin("Fine", "fine"), UNLIKE_ITSELF
    install("acme-both", *sources)
    code, out, _ = command("--check", "acme-both")
    assert code == 1
    titles = [line for line in out.splitlines() if not line.startswith(" ")]
    assert titles == [
        "distance 'far' of acme-both 1.0",
        "6 passed, 1 failed.",
        "distance 'fine' of acme-both 1.0",
        "7 passed, 0 failed.",
    ]


def test_a_plugin_that_failed_is_not_checked_and_says_why(install, command):
    install("acme-gone", BROKEN["import error"][0])
    code, out, _ = command("--check", "acme-gone")
    assert code == 1
    assert "failed: ModuleNotFoundError" in out
    assert out.endswith("Not checked.\n")


@pytest.mark.parametrize("name", ["maml", "feature_noise", "linear", "sinusoids"])
def test_a_name_of_any_kind_can_be_checked(command, name):
    code, out, _ = command("--check", name)
    assert code == 0, out


def test_an_unknown_name_is_answered_with_the_closest(install, command):
    install("acme-fine", distance_plugin("Fine", "fine"))
    code, out, err = command("--check", "protonat")
    assert (code, out) == (1, "")
    assert "Nothing is registered as 'protonat'. Did you mean 'protonet'" in err
    assert "'acme-fine:fine'" in command("--check", "acme-fine:fin")[2]
    assert "'acme-fine'" in command("--check", "acme-fien")[2]
