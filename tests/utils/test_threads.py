"""Computations take no more threads than they are worth, and give them back."""

import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
import torch

from skmeta import MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.utils.threads import one_thread_if_small, side_by_side


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_small_products_get_one_thread_and_large_ones_all():
    small, large = torch.nn.Linear(256, 256), torch.nn.Linear(1024, 1024)
    with one_thread_if_small(small, n_rows=2000, n_features=256):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with one_thread_if_small(large, n_rows=2000, n_features=1024):
        assert torch.get_num_threads() == 3


def test_convolutions_visit_every_pixel():
    convolution = torch.nn.Conv2d(64, 64, 3)
    for n_rows, n_threads in [(20, 1), (2000, 3)]:
        with one_thread_if_small(convolution, n_rows, n_features=28 * 28):
            assert torch.get_num_threads() == n_threads


def test_threads_come_back_after_an_error():
    with pytest.raises(RuntimeError), one_thread_if_small(torch.nn.Linear(2, 2), 1, 2):
        raise RuntimeError
    assert torch.get_num_threads() == 3


def test_overlapping_blocks_give_each_thread_its_own_number_back():
    entered, leave, after = threading.Event(), threading.Event(), []

    def overlap():
        torch.set_num_threads(2)
        with one_thread_if_small(torch.nn.Linear(2, 2), 1, 2):
            entered.set()
            leave.wait(10)
        after.append(torch.get_num_threads())

    other = threading.Thread(target=overlap)
    with one_thread_if_small(torch.nn.Linear(2, 2), 1, 2):
        other.start()
        entered.wait(10)
    leave.set()
    other.join()
    assert after == [2]
    assert torch.get_num_threads() == 3


def test_fit_trains_in_one_thread_and_gives_the_others_back():
    from skorch.callbacks import Callback

    class Count(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.add(torch.get_num_threads())

    seen = set()
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    MetaRegressor("maml", max_epochs=1, tasks_per_epoch=32, callbacks=[Count()]).fit(
        X, y, groups=task
    )
    assert seen == {1}
    assert torch.get_num_threads() == 3


SMALL, LARGE = torch.nn.Linear(64, 64), torch.nn.Linear(2048, 2048)


def test_small_parts_run_side_by_side_in_one_thread_each():
    together = threading.Barrier(3, timeout=10)

    def work(part):
        together.wait()  # passes when three are there
        return part, torch.get_num_threads()

    with side_by_side(
        [*SMALL.parameters()], n_rows=100, n_features=64, n_parts=6
    ) as each:
        assert list(each(work, range(6))) == [(part, 1) for part in range(6)]
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    ("module", "n_parts", "n_threads"), [(LARGE, 6, 3), (SMALL, 1, 1)]
)
def test_large_parts_and_a_single_one_run_where_they_are(module, n_parts, n_threads):
    def work(part):
        return threading.current_thread(), torch.get_num_threads()

    with side_by_side(
        [*module.parameters()], n_rows=1000, n_features=64, n_parts=n_parts
    ) as each:
        seen = set(each(work, range(n_parts)))
    assert seen == {(threading.current_thread(), n_threads)}


def test_parts_share_one_thread_where_torch_has_one():
    torch.set_num_threads(1)
    with side_by_side(
        [*SMALL.parameters()], n_rows=100, n_features=64, n_parts=6
    ) as each:
        seen = set(each(lambda part: threading.current_thread(), range(6)))
    assert seen == {threading.current_thread()}


def test_parts_have_all_threads_in_a_block_that_computes_in_one():
    together = threading.Barrier(3, timeout=10)
    with (
        one_thread_if_small(SMALL, 100, 64),
        side_by_side([*SMALL.parameters()], 100, 64, n_parts=3) as each,
    ):
        list(each(lambda part: together.wait(), range(3)))  # passes with three threads
    assert torch.get_num_threads() == 3


def test_an_error_in_a_part_is_raised_and_threads_come_back():
    def work(part):
        if part == 3:
            raise RuntimeError("part 3")

    with (
        pytest.raises(RuntimeError, match="part 3"),
        side_by_side(
            [*SMALL.parameters()], n_rows=100, n_features=64, n_parts=6
        ) as each,
    ):
        list(each(work, range(6)))
    assert torch.get_num_threads() == 3


def test_a_thread_that_starts_afterwards_has_all_threads():
    with side_by_side(
        [*SMALL.parameters()], n_rows=100, n_features=64, n_parts=3
    ) as each:
        list(each(lambda part: torch.ones(1), range(3)))
    seen = []
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [3]


# Threads that help ---------------------------------------------------------------


def parts_of(n_parts):
    return side_by_side([*SMALL.parameters()], 100, 64, n_parts=n_parts)


def test_the_calling_thread_does_all_parts_where_nobody_helps(monkeypatch):
    class NoCore:
        def submit(self, function):
            return Future()  # never begun

    monkeypatch.setattr("skmeta.utils.threads._helpers", NoCore)
    with parts_of(6) as each:
        seen = list(each(lambda part: (part, threading.current_thread()), range(6)))
    assert seen == [(part, threading.current_thread()) for part in range(6)]


def test_a_thread_that_helps_is_there_the_next_time():
    def work(part):
        together.wait()
        return threading.get_ident()

    seen = set()
    for _ in range(20):
        together = threading.Barrier(3, timeout=10)
        with parts_of(3) as each:
            seen |= set(each(work, range(3)))
    assert len(seen) < 10


def test_nothing_runs_after_a_block_that_was_left_early(monkeypatch):
    begun, ended = [], []
    first, helped, left = threading.Event(), threading.Event(), threading.Event()

    def work(part):
        begun.append(part)
        if part == 0:  # of the calling thread: others wait for it
            first.set()
            helped.wait(10)
        else:
            helped.set()
            left.wait(10)
        ended.append(part)

    class Late:
        def submit(self, function):
            return pool.submit(lambda: (first.wait(10), function()))

    def let_go_and_wait(helpers):
        left.set()  # not before the end waits for them
        wait(helpers)

    monkeypatch.setattr("skmeta.utils.threads._helpers", Late)
    monkeypatch.setattr("skmeta.utils.threads.wait", let_go_and_wait)
    with ThreadPoolExecutor(2) as pool:
        with parts_of(100) as each:
            assert next(each(work, range(100))) is None
            assert ended == [0]
        assert len(begun) > 1
        assert sorted(ended) == sorted(begun)
        seen = len(begun)
    assert len(begun) == seen < 4


def test_blocks_inside_of_parts_do_not_wait_for_threads_that_wait():
    def work(part):
        with parts_of(4) as each:
            return sum(each(lambda own: part * own, range(4)))

    with parts_of(8) as each:
        assert list(each(work, range(8))) == [6 * part for part in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_has_threads_of_its_own():
    code = """
import os, threading, torch
from skmeta.utils.threads import side_by_side
torch.set_num_threads(2)
def together():
    barrier = threading.Barrier(2, timeout=20)
    with side_by_side([torch.ones(2)], 1, 1, 2) as each:
        list(each(lambda part: barrier.wait(), range(2)))
together()
child = os.fork()
if not child:
    together()
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
