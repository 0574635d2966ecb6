"""Meta-steps of second-order MAML by libraries that loop over the tasks."""

import higher
import torch
import torchopt
from _contenders import adam
from _workloads import INNER_LR


def with_higher(work):
    network = work.network()
    optimizer = adam(network)
    inner = torch.optim.SGD(network.parameters(), lr=INNER_LR)
    support, query = work.episode

    def step():
        optimizer.zero_grad()
        total = 0.0
        for t in range(work.tasks):
            with higher.innerloop_ctx(network, inner, copy_initial_weights=False) as (
                own,
                descend,
            ):
                for _ in range(work.steps):
                    descend.step(work.loss(own(support.X[t]), support.y[t]))
                loss = work.loss(own(query.X[t]), query.y[t]) / work.tasks
                loss.backward()
                total += float(loss)
        optimizer.step()
        return total

    return step


def with_torchopt(work):
    network = work.network()
    optimizer = adam(network)
    inner = torchopt.MetaSGD(network, lr=INNER_LR)
    support, query = work.episode

    def step():
        optimizer.zero_grad()
        total = 0.0
        start = torchopt.extract_state_dict(network, by="reference")
        start_inner = torchopt.extract_state_dict(inner, by="reference")
        for t in range(work.tasks):
            for _ in range(work.steps):
                inner.step(work.loss(network(support.X[t]), support.y[t]))
            loss = work.loss(network(query.X[t]), query.y[t]) / work.tasks
            loss.backward()
            total += float(loss.detach())
            torchopt.recover_state_dict(network, start)
            torchopt.recover_state_dict(inner, start_inner)
        optimizer.step()
        return total

    return step
