"""What stands in for CUDA's graphs on a CPU: a function that is called again."""

import contextlib
from functools import partial

import torch
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode


class Recorder:
    """Record a function, and copy what it finds to where it was found first.

    As with a graph nothing has happened before the first replay: what was found is
    unknown until then.
    """

    def __init__(self, device=None):
        self.n_recorded = self.n_replayed = 0

    @contextlib.contextmanager
    def aside(self):
        yield

    def record(self, step):
        self.n_recorded += 1
        with torch.random.fork_rng(devices=[]):
            found = step()
        places = tensors(found)
        for each in places:
            each.copy_(torch.nan if each.is_floating_point() else True)
        return partial(self.replay, step, places), found

    @torch.no_grad()
    def replay(self, step, places):
        self.n_replayed += 1
        with torch.enable_grad():
            found = tensors(step())
        for place, each in zip(places, found, strict=True):
            place.copy_(each)


def tensors(found):
    loss, gradients, doubt = found
    return [loss, *gradients.values(), *([] if doubt is None else [doubt])]


class AsOnACard(TorchFunctionMode):
    """Keep ``one_hot`` from looking at its numbers, as it does on a CPU alone."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not one_hot:
            return func(*args, **(kwargs or {}))
        code, n = args
        zeros = torch.zeros(*code.shape, n, dtype=torch.long)
        return zeros.scatter_(-1, code.unsqueeze(-1), 1)
