"""What `cuda.py` measures, part by part; each part runs in a process of its own."""

import copy
import os
import resource
import tempfile
import traceback
import warnings
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from _contenders import bare, public_fit, vmap_of_grad
from _measure import medians, seconds
from _workloads import Workload
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, MetaRegressor, load, plugins
from skmeta.algorithms import MAML, Reptile
from skmeta.backbones import MLP, Conv4
from skmeta.datasets import make_sinusoids
from skmeta.utils.threads import one_thread_if_small

N_SUPPORT, N_QUERY, N_FEATURES = 10, 5, 8


class Part:
    """One part: its options, and where its results go as soon as they are known."""

    def __init__(self, options, note):
        self.device, self.small = options.device, options.small
        self.note = note
        self.deadline = perf_counter() + options.seconds

    @property
    def left(self):
        return self.deadline - perf_counter()

    def try_to(self, key, call):
        """Note what a call returns, or its error, and go on."""
        start = perf_counter()
        try:
            found = call()
        except Exception as error:  # of one contender
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        self.note(key, found)
        print(f"  {key}: {found} ({perf_counter() - start:.1f} s)", flush=True)


def machine(part):
    """Say what it runs on."""
    about = {"device": part.device, "torch": torch.__version__, "cores": os.cpu_count()}
    if part.device != "cpu":
        own = torch.cuda.get_device_properties(part.device)
        about |= {"name": own.name, "bytes": own.total_memory}
        about |= {"cuda": torch.version.cuda}
    part.note("machine", about)
    print(f"  {about}", flush=True)


# Meta-steps ----------------------------------------------------------------------


def as_in_fit(work, call):
    with one_thread_if_small(work.module, work.tasks * work.queries, work.features):
        return call()


def in_tf32(step):
    def call():
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            return step()
        finally:
            torch.set_float32_matmul_precision(before)

    return call


def time_steps(part, prefix, makers, rounds):
    """Time contenders that can be made, in turns, and compare their first losses."""
    steps, losses = {}, {}
    for name, make in makers.items():

        def begin(name=name, make=make):
            step = make()
            losses[name] = step()
            steps[name] = step
            return losses[name]

        part.try_to(f"{prefix}: loss of {name}", begin)
    calls = {name: partial(seconds, step) for name, step in steps.items()}
    times = medians(calls, rounds, warm=2)
    part.note(prefix, {name: 1e3 * took for name, took in times.items()})
    print(f"  {prefix}: {times}", flush=True)
    first = next(iter(losses.values()), np.nan)
    part.note(
        f"{prefix}: losses off by",
        {name: abs(loss / first - 1) for name, loss in losses.items()},
    )


def steps(part):
    """Meta-steps of the library, on the CPU and on the card, and of vmap there."""
    names = ["sine"] if part.small else ["big", "conv", "images"]
    rounds = 2 if part.small else 20
    for name in names:
        away = Workload(name, part.device)
        time_steps(
            part,
            f"{name}, on the card",
            {
                "skmeta": lambda w=away: bare(w, w.maml()),
                "vmap(grad)": lambda w=away: vmap_of_grad(w),
                "skmeta, TF32": lambda w=away: in_tf32(bare(w, w.maml())),
                "vmap(grad), TF32": lambda w=away: in_tf32(vmap_of_grad(w)),
                "skmeta, bfloat16": lambda w=away: bare(
                    w, w.maml(), precision="bfloat16"
                ),
                "skmeta, first order": lambda w=away: bare(w, w.maml(first_order=True)),
            },
            rounds,
        )
        part.try_to(
            f"{name}, on the card: through fit", lambda w=away: 1e3 * through_fit(w)
        )
        home = Workload(name)
        step = as_in_fit(home, lambda w=home: bare(w, w.maml()))
        part.try_to(
            f"{name}, on the CPU: skmeta",
            lambda w=home, s=step: 1e3 * as_in_fit(w, lambda: usual(s, rounds // 5)),
        )
        if name != "images":  # a step takes a second there
            part.try_to(
                f"{name}, on the CPU: through fit", lambda w=home: 1e3 * through_fit(w)
            )


def usual(step, rounds):
    return medians({"step": partial(seconds, step)}, 1 + rounds)["step"]


def through_fit(work, **parameters):
    epoch = public_fit(work, **parameters)
    epoch()
    return min(epoch() for _ in range(2))


def with_jax(part):
    """Meta-steps of JAX on the same card."""
    # JAX and torch share the card; torch needs nothing of it here.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if part.device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    from _in_jax import with_jax as in_jax

    part.note("devices of JAX", [str(each) for each in jax.devices()])

    def in_precision(step, precision):
        def call():
            with jax.default_matmul_precision(precision):
                return step()

        return call

    for name in ["sine"] if part.small else ["big", "conv", "images"]:
        work = Workload(name)
        makers = {
            "JAX": lambda w=work: in_precision(in_jax(w), "highest"),
            "JAX, TF32": lambda w=work: in_precision(in_jax(w), "tensorfloat32"),
        }
        time_steps(part, f"{name}, by JAX", makers, 2 if part.small else 20)


def compiled(part):
    """Meta-steps in few calls: captured as graphs on a card, compiled elsewhere."""
    for name in ["sine"] if part.small else ["sine", "tab", "big", "conv", "images"]:
        work = Workload(name, part.device)
        makers = {
            f"skmeta{order}{how}": partial(
                bare, work, work.maml(first_order=bool(order)), compiled=bool(how)
            )
            for order in ("", ", first order")
            for how in ("", ", compiled")
        }
        if part.small:
            makers = dict([*makers.items()][:2])
        is_slow = name in ("conv", "images")
        rounds = 2 if part.small else 8 if is_slow else 20
        time_steps(part, f"{name}, compiled", makers, rounds)
        if not part.small:
            part.try_to(
                f"{name}, compiled: through fit",
                lambda w=work: 1e3 * through_fit(w, compile=True, steps_at_once=50),
            )
    if not part.small:
        part.try_to("fit, compile=True", lambda: fit_compiled(part))


def fit_compiled(part):
    """Losses of a fit whose step is compiled, and of one whose step is not."""
    return [
        through(MetaRegressor, MAML(inner_steps=1), part.device, compile=each)
        for each in (False, True)
    ]


def through(estimator, algorithm, device, **parameters):
    X, y, task = make_sinusoids(n_tasks=50, n_rows=30, random_state=0)
    meta = estimator(
        algorithm, max_epochs=3, device=device, random_state=0, **parameters
    )
    return meta.fit(X, y, groups=task).history_[:, "train_loss"]


# Precision -----------------------------------------------------------------------


def precision(part):
    """What mixed precision makes of the losses of whole trainings."""
    X, y = load_digits(return_X_y=True)
    learners = {
        "maml, conv4": (MAML(inner_steps=2), Conv4((8, 8), 32)),
        "protonet, conv4": ("protonet", Conv4((8, 8), 32)),
        "maml, mlp": (MAML(inner_steps=2), MLP((256, 256))),
        "r2d2, mlp": ("r2d2", MLP((256, 256))),
    }
    if part.small:
        learners = {"protonet, mlp": ("protonet", MLP((16,)))}
    for name, (algorithm, backbone) in learners.items():
        for kind in ("float32", "bfloat16"):

            def train(algorithm=algorithm, backbone=backbone, kind=kind):
                meta = MetaClassifier(
                    algorithm,
                    backbone,
                    tasks="classes",
                    n_way=3,
                    max_epochs=2 if part.small else 20,
                    tasks_per_epoch=64 if part.small else 256,
                    early_stopping=False,
                    precision=kind,
                    device=part.device,
                    random_state=0,
                ).fit(X[y < 6], y[y < 6])
                support = np.concatenate(
                    [np.flatnonzero(y == each)[:5] for each in range(6, 10)]
                )
                rest = np.setdiff1d(np.flatnonzero(y >= 6), support)
                meta.adapt(X[support], y[support])
                return {
                    "train losses": meta.history_[:, "train_loss"],
                    "accuracy on new classes": float(
                        np.mean(meta.predict(X[rest]) == y[rest])
                    ),
                    "seconds": sum(meta.history_[:, "dur"]),
                }

            part.try_to(f"{name}, {kind}", train)


# Many tasks ----------------------------------------------------------------------


def draw_tasks(n_tasks, rng):
    """Draw tasks, each a half-space of its own around a common one."""
    common = np.linspace(1, 2, N_FEATURES)
    own = common + rng.normal(size=(n_tasks, N_FEATURES))
    shape = (n_tasks, N_SUPPORT + N_QUERY, N_FEATURES)
    X = rng.standard_normal(size=shape, dtype=np.float32)
    y = np.einsum("trf,tf->tr", X, own.astype(np.float32)) > 0
    parts = (slice(N_SUPPORT), slice(N_SUPPORT, None))
    return [
        each
        for rows in parts
        for each in (
            X[:, rows].reshape(-1, N_FEATURES),
            y[:, rows].ravel(),
            np.repeat(np.arange(n_tasks), len(range(*rows.indices(shape[1])))),
        )
    ]


def tasks(part):
    """Ten million tasks: adapt and answer, so many at once."""
    n_all, at_once = (4_000, 2_000) if part.small else (10_000_000, 500_000)
    rng = np.random.default_rng(0)
    X, y, task, X_query, y_query, asked = draw_tasks(2_000, rng)
    train = np.r_[X, X_query], np.r_[y, y_query], np.r_[task, asked]
    batch = draw_tasks(at_once, rng)
    algorithms = {
        "protonet": "protonet",
        "MAML, 3 steps": MAML(inner_steps=3),
        "r2d2": "r2d2",
        "gp": "gp",
    }
    if part.small:
        algorithms.pop("gp")
    seconds_of_part = part.left
    for name, algorithm in algorithms.items():
        share = seconds_of_part * (1 / 2 if name == "protonet" else 1 / 6)
        made = partial(
            MetaClassifier,
            algorithm,
            MLP((64, 64)),
            prior=None,
            n_shot=N_SUPPORT,
            n_query=N_QUERY,
            max_epochs=3,
            early_stopping=False,
            random_state=0,
        )
        most = share - 9  # the training, and the CPU, take their share
        part.try_to(
            f"{name}, on the card",
            lambda made=made, most=most: adapt_many(
                made(device=part.device).fit(*train[:2], groups=train[2]),
                batch,
                n_all,
                most,
            ),
        )
        few = [each[: len(each) // 10] for each in batch]
        part.try_to(
            f"{name}, on the CPU",
            lambda made=made, few=few: adapt_many(
                made().fit(*train[:2], groups=train[2]), few, n_all, 3
            ),
        )


def adapt_many(meta, batch, n_all, most_seconds):
    """Adapt and answer the same batch again and again, until all or time is up."""
    X, y, task, X_query, y_query, asked = batch
    on_card = torch.device(meta.device).type == "cuda"
    n_tasks = task[-1] + 1
    took = {"adapt": [], "predict": []}
    grown = {}
    done, begin = 0, perf_counter()
    while done < n_all and (not done or perf_counter() - begin < most_seconds):
        start = perf_counter()
        meta.adapt(X, y, groups=task)
        middle = perf_counter()
        answers = meta.predict(X_query, groups=asked)
        took["adapt"].append(middle - start)
        took["predict"].append(perf_counter() - middle)
        done += int(n_tasks)
        now = {"resident": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        if on_card:
            now["on the card"] = torch.cuda.max_memory_allocated()
        grown["in the end"] = now
        if done == n_tasks:
            grown["after the first batch"] = now
    total = sum(map(sum, took.values()))
    return {
        "tasks": done,
        "seconds": total,
        "tasks per second": done / total,
        "in adapt": sum(took["adapt"]) / total,
        "peak bytes": grown,
        "accuracy": float(np.mean(answers == y_query)),
    }


# The same answers ----------------------------------------------------------------


def agree(part):
    """Every algorithm and verb, on the CPU and on the card."""
    X, y = load_digits(return_X_y=True)
    quick = {"max_epochs": 1, "tasks_per_epoch": 32, "random_state": 0}
    pool = quick | {"tasks": "classes", "early_stopping": False}

    def of_classes(algorithm, device, **more):
        backbone = MLP((32,))
        meta = MetaClassifier(algorithm, backbone, device=device, **pool | more)
        meta.fit(X[:900], y[:900])
        return meta.adapt(X[900:950], y[900:950]).predict_proba(X[950:1200])

    X_wave, y_wave, task = make_sinusoids(n_tasks=40, n_rows=30, random_state=0)
    known = np.tile(np.arange(30) < 10, 40)  # of every task
    few = np.tile(np.arange(30) < 5, 40)

    def of_values(algorithm, device, y=y_wave, labelled=known, **more):
        meta = MetaRegressor(algorithm, MLP((32,)), device=device, **quick | more)
        meta.fit(X_wave, y, groups=task)
        meta.adapt(X_wave[known], np.where(labelled, y, np.nan)[known], task[known])
        return meta.predict(X_wave[~known], groups=task[~known])

    def of_shared(algorithm, device, **more):
        labels = y_wave > 0
        meta = MetaClassifier(algorithm, MLP((32,)), device=device, **quick | more)
        meta.fit(X_wave, labels, groups=task)
        meta.adapt(X_wave[known], labels[known], groups=task[known])
        return meta.predict_proba(X_wave[~known], groups=task[~known])

    def of_verbs(algorithm, device, **more):
        return verbs(algorithm, device, X_wave, y_wave, task, known, quick | more)

    names = plugins.names("algorithm")
    if part.small:
        names = ["protonet"]
    cases = {f"{name}, classes": partial(of_classes, name) for name in names}
    cases |= {f"{name}, shared": partial(of_shared, name) for name in names}
    cases |= {f"{name}, values": partial(of_values, name) for name in names}
    cases |= {f"{name}, verbs": partial(of_verbs, name) for name in ("gp", "maml")}
    cases |= {
        "maml, task scale": partial(of_values, "maml", normalize="task"),
        "gp, early stopping": partial(of_values, "gp", early_stopping=True),
        "gp, long tails": partial(of_values, "gp", y=np.exp(y_wave)),
        "gp, unlabelled": partial(of_values, "gp", labelled=few),
        "protonet, unlabelled": partial(of_unlabelled, X, y, pool),
        "maml, checkpoint": partial(of_classes, MAML(checkpoint=True)),
        "maml, step rates": partial(of_classes, MAML(learn_inner_lr="step")),
        "reptile, adam": partial(of_values, Reptile(inner_optimizer="adam")),
        "conv4": partial(of_images, X, y, pool),
        "rejecting": partial(of_rejecting, X, y, pool),
        "several targets": partial(of_targets, X_wave, y_wave, task, known, quick),
    }
    for name, call in cases.items():
        if part.left < 3:
            part.note(name, {"error": "no time left"})
            continue
        part.try_to(name, lambda call=call: differences(call, part.device))


def differences(call, device):
    """How far answers on the card are from those on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            expected = call(device="cpu")
        except ValueError as error:
            if "does not learn" not in str(error):
                raise
            return {"refused": str(error)[:80]}
        found = call(device=device)
    apart = np.abs(np.asarray(found, float) - np.asarray(expected, float))
    return {"largest": float(apart.max()), "mean": float(apart.mean())}


def verbs(algorithm, device, X, y, task, known, quick):
    """All that can be asked of a learner, one after another."""
    meta = MetaRegressor(algorithm, MLP((32,)), device=device, **quick)
    meta.fit(X, y, groups=task).fit(X, y, groups=task)
    own = task[known]
    meta.adapt(X[known], y[known], groups=own)
    meta.partial_adapt(X[~known][:40], y[~known][:40], groups=task[~known][:40])
    meta.forget([own[-1]])
    left = ~known & (task != own[-1])
    found = [meta.predict(X[left], groups=task[left])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learner"
        meta.save(path)
        for where in ("cpu", device):
            again = load(path, device=where)
            found.append(again.predict(X[left], groups=task[left]))
    copied = copy.deepcopy(meta)
    found.append(copied.predict(X[left], groups=task[left]))
    meta.partial_fit(X, y, groups=task)
    meta.calibrate(X, y, groups=task)
    meta.adapt(X[known], y[known], groups=own)
    found.append(meta.predict_interval(X[left], groups=task[left]))
    if algorithm == "gp":
        found.append(meta.predict(X[left], groups=task[left], return_std=True)[1])
    return np.concatenate([np.ravel(each) for each in found])


def of_images(X, y, pool, device):
    meta = MetaClassifier("maml", Conv4((8, 8), 8), device=device, **pool)
    meta.fit(X[:900], y[:900])
    return meta.adapt(X[900:950], y[900:950]).predict_proba(X[950:1200])


def of_unlabelled(X, y, pool, device):
    meta = MetaClassifier("protonet", MLP((32,)), device=device, **pool)
    meta.fit(X[:900], y[:900])
    some = np.where(np.arange(900, 950) < 930, y[900:950].astype(float), np.nan)
    return meta.adapt(X[900:950], some).predict_proba(X[950:1200])


def of_rejecting(X, y, pool, device):
    meta = MetaClassifier("protonet", MLP((32,)), reject=True, device=device, **pool)
    meta.fit(X[:900], y[:900])
    return meta.adapt(X[900:950], y[900:950]).unknown_score(X[950:1200])


def of_targets(X, y, task, known, quick, device):
    both = np.stack([y, -y], axis=1)
    meta = MetaRegressor("gp", MLP((32,)), device=device, **quick)
    meta.fit(X, both, groups=task)
    meta.adapt(X[known], both[known], groups=task[known])
    return meta.predict(X[~known], groups=task[~known])


PARTS = {
    "machine": machine,
    "steps": steps,
    "agree": agree,
    "tasks": tasks,
    "jax": with_jax,
    "compiled": compiled,
    "precision": precision,
}
