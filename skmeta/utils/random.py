"""Sources of randomness that leave everybody else's alone."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

__all__ = ["generator", "seeded"]


def generator(random_state: Any, default: int | None = None) -> np.random.Generator:
    """Make a generator of what users give as ``random_state``.

    Parameters
    ----------
    random_state : int, RandomState or None
        None never touches numpy's global state.
    default : int, default=None
        Seed in place of None; without one, the seed comes from the system.

    Returns
    -------
    numpy.random.Generator
        A new one.
    """
    seed = default if random_state is None else random_state
    if isinstance(seed, np.random.RandomState):
        seed = seed.randint(np.iinfo(np.int32).max)
    return np.random.default_rng(seed)


@contextlib.contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Seed torch inside the block and leave its generators as they were after it."""
    cuda = [torch.device(device)] if str(device).startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda, device_type="cuda"):
        torch.default_generator.manual_seed(seed)
        for each in cuda:
            with torch.cuda.device(each):
                torch.cuda.manual_seed(seed)
        yield
