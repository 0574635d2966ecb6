"""One bar for the whole of an evaluation, and the time that is left."""

import io

import pytest

from skmeta.evaluation import progress as module
from skmeta.evaluation.progress import Progress

STAGES = ("choosing", "fitting", "judging")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def go(progress, clock, stage, name, seconds):
    with progress.step(stage, name):
        clock[0] += seconds


def test_what_is_left_is_reckoned_by_what_it_took_to_choose(clock):
    progress = Progress(STAGES, {"mean": 1.0, "gp": 8.0}, io.StringIO())
    assert progress.seconds_left() is None
    go(progress, clock, "choosing", "mean", 2.0)
    # gp as eight of it; both stages to come as 1.2 of the first
    assert progress.seconds_left() == pytest.approx(16 + 2 * 1.2 * 18)
    go(progress, clock, "choosing", "gp", 10.0)
    go(progress, clock, "fitting", "mean", 3.0)
    assert progress.seconds_left() == pytest.approx(1.5 * 10 + 1.2 * 12)
    assert progress.share == pytest.approx(15 / (15 + 29.4), rel=0.01)
    with progress.step("judging", "mean"):
        clock[0] += 1.0
        assert progress.seconds_left() == pytest.approx(1.5 * 10 + 1.2 * 12 - 1)
        clock[0] += 99.0
        assert progress.seconds_left() == pytest.approx(1.5 * 10 + 1.2 * 10)
    go(progress, clock, "fitting", "gp", 20.0)
    go(progress, clock, "judging", "gp", 0.1)
    assert progress.seconds_left() == 0


def test_who_takes_longer_than_was_reckoned_is_not_done_by_then(clock):
    progress = Progress(STAGES, {"mean": 1.0, "gp": 8.0}, io.StringIO())
    go(progress, clock, "choosing", "mean", 1.0)
    with progress.step("choosing", "gp"):
        clock[0] += 80.0  # ten times as long
        assert progress.seconds_left() == pytest.approx(20 + 2 * 1.2 * 101)
        assert 0.2 < progress.share < 0.3


def test_nothing_more_is_expected_of_who_has_failed(clock):
    progress = Progress(STAGES, {"mean": 1.0, "gp": 8.0}, io.StringIO())
    go(progress, clock, "choosing", "mean", 2.0)
    go(progress, clock, "choosing", "gp", 2.0)
    progress.leave_out("gp")
    assert progress.seconds_left() == pytest.approx(2 * 1.2 * 2)


def test_a_line_is_a_stage_where_there_is_no_terminal(clock):
    shown = io.StringIO()
    progress = Progress(STAGES, {"mean": 1.0}, shown)
    progress.begin("choosing by 3 tasks")
    go(progress, clock, "choosing", "mean", 2.0)
    progress.begin("fitting")
    progress.say("gp failed: no rows")
    assert shown.getvalue() == "choosing by 3 tasks\nfitting\ngp failed: no rows\n"


def test_a_terminal_has_a_bar_that_says_who_works_and_for_how_long_yet(clock):
    shown = Terminal()
    progress = Progress(STAGES, {"mean": 1.0, "gp": 1.0}, shown)
    progress.begin("choosing by 3 tasks")
    go(progress, clock, "choosing", "mean", 100.0)
    go(progress, clock, "choosing", "gp", 100.0)
    progress.say("gp: odd rows")
    lines = shown.getvalue().split("\r\x1b[K")
    assert "  0% " in lines[1]
    assert lines[1].endswith("| choosing mean")
    # a hundred seconds are done, and a hundred of gp and 480 to come
    assert " 9:40 left | choosing gp" in shown.getvalue()
    assert lines[-1] == "gp: odd rows\n"


def test_ctrl_c_takes_the_bar_away(clock):
    shown = Terminal()
    progress = Progress(STAGES, {"mean": 1.0}, shown)
    with pytest.raises(KeyboardInterrupt), progress.step("choosing", "mean"):
        raise KeyboardInterrupt
    assert shown.getvalue().endswith("| choosing mean\r\x1b[K")


def test_times_are_written_as_people_do():
    times = {5: "0:05", 59.6: "1:00", 754: "12:34", 3723: "1:02:03"}
    assert {seconds: module._time(seconds) for seconds in times} == times
