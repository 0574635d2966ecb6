"""What is said of long work is said once."""

import warnings

import pytest

from skmeta.bulk.progress import Stages, first_of_a_kind


def test_a_warning_is_let_through_once_whatever_it_names():
    told: set[str] = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for names in ("[1, 2, ...]", "[3]"):
            with first_of_a_kind(told):
                warnings.warn(f"The support of {names} is far", stacklevel=1)
        with first_of_a_kind(told):
            warnings.warn("Another", stacklevel=1)
    assert [str(each.message) for each in caught] == [
        "The support of [1, 2, ...] is far",
        "Another",
    ]


def test_without_a_terminal_a_stage_is_a_line(capsys):
    for verbose in (False, True):
        with Stages(verbose).stage("adapt", 2000, 500) as bar:
            bar.update(1500)
        said = capsys.readouterr().err
        assert said.startswith("adapt: 2,000 rows, 500 of them before, ") == verbose
        assert said.count("\n") == verbose


def test_a_stage_that_fails_is_not_told_as_done(capsys):
    with pytest.raises(ValueError, match="torn"), Stages(True).stage("adapt", 1):
        raise ValueError("torn")
    assert capsys.readouterr().err == ""
