"""Time contenders in turns, and watch how much memory a call takes."""

import random
import resource
import statistics
import sys
import threading
from pathlib import Path
from time import perf_counter

_STATUS = Path("/proc/self/status")


def seconds(call):
    """Time one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def medians(contenders, rounds, warm=1):
    """Time each contender once a round, so that what else the machine does hits all.

    Each round has an order of its own: a contender leaves caches cold behind it, and
    threads that spin for a while. A contender is a function to time, or one that
    returns the seconds it took.
    """
    times = {name: [] for name in contenders}
    order, shuffle = list(contenders.items()), random.Random(0).shuffle
    for turn in range(warm + rounds):
        shuffle(order)
        for name, call in order:
            start = perf_counter()
            own = call()
            took = own if isinstance(own, float) else perf_counter() - start
            if turn >= warm:
                times[name].append(took)
    return {name: statistics.median(own) for name, own in times.items()}


class PeakMemory:
    """Bytes that a block takes at its peak, over what was taken before it.

    On Linux pages of memory-mapped files do not count: the system takes them back
    when it needs them.
    """

    def __enter__(self):
        self._before = self._peak = _in_use()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._watcher.join()
        self.n_bytes = max(self._peak, _in_use()) - self._before

    def _watch(self):
        while not self._ended.wait(0.002):
            self._peak = max(self._peak, _in_use())


def _in_use():
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("RssAnon:"):
                return 1024 * int(line.split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # since the start
    return most if sys.platform == "darwin" else 1024 * most
