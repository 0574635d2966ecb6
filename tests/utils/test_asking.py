"""Questions about numbers: asked, answered by who knows, or put off."""

import torch

from skmeta.utils.asking import Answers, answering, happens, largest, may_ask


def test_outside_of_a_graph_numbers_are_asked_for():
    assert may_ask()
    assert largest(torch.tensor([1, 4, 2])) == 4
    assert happens(torch.tensor([False, True]))
    assert not happens(torch.tensor([False, False]))


def test_what_is_known_is_answered_and_noted():
    known, other = torch.tensor([1, 2]), torch.tensor([7])
    answers = Answers([other, known], {1: 5}.__getitem__)
    with answering(answers):
        assert not may_ask()
        assert largest(known) == 5
        assert largest(torch.tensor([3])) == 3
    assert answers.asked == {1}
    assert may_ask()


def test_the_unlikely_is_put_off_or_looked_at():
    unlikely = torch.tensor([False, True])
    put_off = Answers([], int)
    with answering(put_off):
        assert not happens(unlikely)
    assert [bool(doubt) for doubt in put_off.doubts] == [True]
    looking = Answers([], int, bool)
    with answering(looking):
        assert not happens(torch.tensor([False]))
        assert not looking.has_happened
        assert happens(unlikely)
    assert looking.has_happened


def test_a_compiled_step_is_not_parted_by_a_question_about_questions():
    def step(x):
        return x + 1 if may_ask() else x

    whole = torch.compile(step, backend="eager", fullgraph=True)
    assert whole(torch.zeros(1)) == 1
