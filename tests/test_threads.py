"""Meta-training takes no more threads than it is worth, and gives them back."""

import threading

import pytest
import torch

from skmeta import MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.threads import one_thread_if_small


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_small_products_get_one_thread_and_large_ones_all():
    small, large = torch.nn.Linear(64, 64), torch.nn.Linear(1024, 1024)
    with one_thread_if_small(small, n_rows=1000):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with one_thread_if_small(large, n_rows=1000):
        assert torch.get_num_threads() == 3


def test_convolutions_keep_their_threads():
    with one_thread_if_small(torch.nn.Conv2d(1, 8, 3), n_rows=10):
        assert torch.get_num_threads() == 3


def test_threads_come_back_after_an_error():
    with pytest.raises(RuntimeError), one_thread_if_small(torch.nn.Linear(2, 2), 1):
        raise RuntimeError
    assert torch.get_num_threads() == 3


def test_overlapping_blocks_give_each_thread_its_own_number_back():
    entered, leave, after = threading.Event(), threading.Event(), []

    def overlap():
        torch.set_num_threads(2)
        with one_thread_if_small(torch.nn.Linear(2, 2), 1):
            entered.set()
            leave.wait(10)
        after.append(torch.get_num_threads())

    other = threading.Thread(target=overlap)
    with one_thread_if_small(torch.nn.Linear(2, 2), 1):
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
    MetaRegressor(max_epochs=1, tasks_per_epoch=32, callbacks=[Count()]).fit(
        X, y, groups=task
    )
    assert seen == {1}
    assert torch.get_num_threads() == 3
