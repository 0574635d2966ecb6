"""Gaussian processes with a meta-learnt kernel, around a prior mean."""

import math
from typing import NamedTuple

import torch
from skorch.callbacks import GradientNormClipping
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.losses import (
    absent_classes,
    mask_absent_classes,
    mean_of_rows,
    task_losses,
)
from skmeta.backbones.base import Backbone, width_of
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply

__all__ = ["GP"]


class GP(Algorithm):
    uses_weights = True
    uses_prior = True
    learns_prior = True

    def __init__(self, n_steps: int = 12, width: int = 16):
        self.n_steps = n_steps
        self.width = width

    def default_prior(self, spec: Spec) -> tuple[str, ...]:
        if spec.label_space != "shared":
            return ()
        return ("boosting", "linear") if spec.n_features <= 200 else ("linear",)

    def build(self, backbone, spec):
        return KernelLearner(backbone, spec, self.width)

    def adapt(self, module, support):
        rows = module.rows(support.X, support.offset, support.mask)
        mean = module.mean(
            rows, support.offset, support
        )  # (tasks, members, rows, outputs)
        root = support.counts(mean).sqrt()[:, None, :, None]  # (tasks, 1, rows, 1)
        K = root * module.kernel(rows, rows) * root.mT
        if module.kind == "regressor":
            residual = root * (support.y[:, None, :, None] - mean)
            return self._values(module, rows, residual, root, K, support)
        logits = mean.masked_fill(
            absent_classes(mean.shape[-1], support.n_classes).unsqueeze(1), -torch.inf
        )
        Y = one_hot(support.y, mean.shape[-1]).to(mean).unsqueeze(1)
        eye = torch.eye(K.shape[-1], dtype=K.dtype, device=K.device)
        a = MAP.apply(K, logits, Y, root, self.n_steps)
        evidence = 0.0
        if K.shape[1] > 1:
            L = torch.linalg.cholesky(eye + 0.5 * K)
            f = logits + (K @ a) / root.clamp(min=1e-12)
            fit = (
                root.square() * torch.where(Y > 0, torch.log_softmax(f, -1), 0.0)
            ).sum((-1, -2))
            evidence = (
                fit
                - 0.5 * ((K @ a) * a).sum((-1, -2))
                - (
                    (support.n_classes - 1).clamp(min=1).unsqueeze(-1)
                    * L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
                )
            )
        w = module.log_weights(evidence, K)
        return State(rows, root * a, rows.new_zeros(len(rows), 0), w, support.n_classes)

    def _values(self, module, rows, residual, root, K, support):
        noise = module.noise()[:, None, None].double()
        eye = torch.eye(K.shape[-1], dtype=torch.double, device=K.device)
        L = torch.linalg.cholesky(K.double() + noise * eye)
        r = residual.double()
        a = torch.cholesky_solve(r, L)
        P = torch.cholesky_inverse(L).to(K)
        evidence = 0.0
        if K.shape[1] > 1:
            real = root[..., 0] > 0
            logd = L.diagonal(dim1=-2, dim2=-1).log()
            evidence = (
                -0.5 * (r * a).sum((-1, -2)) - torch.where(real, logd, 0.0).sum(-1)
            ).to(K)
        w = module.log_weights(evidence, K)
        return State(rows, root * a.to(K), root * P * root.mT, w, support.n_classes)

    def predict(self, module, state, X, offset=None):
        rows = module.rows(X, offset)
        return self._mix(module, state, self._members(module, state, rows, offset))

    def _members(self, module, state, rows, offset):
        k = module.kernel(rows, state.rows)
        out = (
            module.mean(rows, offset, state) + k @ state.weights
        )  # (tasks, members, rows, outputs)
        if module.kind == "classifier":
            return out.masked_fill(
                absent_classes(out.shape[-1], state.n_classes).unsqueeze(1), -torch.inf
            ), None
        explained = ((k @ state.precision) * k).sum(-1)
        v = (module.diagonal(rows) - explained).clamp(min=1e-6) + module.noise()[
            :, None
        ]
        return out, v.unsqueeze(-1)

    def _mix(self, module, state, members):
        out, v = members
        if module.kind == "classifier":
            return (
                state.log_weights[..., None, None] + torch.log_softmax(out, -1)
            ).logsumexp(1)
        return (state.log_weights.exp()[..., None, None] * out).sum(1)

    def predict_std(self, module, state, X, offset=None):
        out, v = self._members(module, state, module.rows(X, offset), offset)
        w = state.log_weights.exp()[..., None, None]
        mean = (w * out).sum(1, keepdim=True)
        return (w * (v + (out - mean).square())).sum(1).sqrt()

    def meta_loss(self, module, episode):
        support, query = episode
        state = self.adapt(module, support)
        rows = module.rows(query.X, query.offset, query.mask)
        members = self._members(module, state, rows, query.offset)
        return self._loss(module, state, members, query, OPT["own"]) + module.penalty()

    def _loss(self, module, state, members, query, own=0.0):
        out, v = members
        if module.kind == "classifier":
            log_p = torch.log_softmax(out, -1)
            at = query.y[:, None, :, None].expand(*log_p.shape[:3], 1)
            log_p = log_p.gather(-1, at).squeeze(-1)
        else:
            v = v.squeeze(-1)
            log_p = -0.5 * (
                (out.squeeze(-1) - query.y.unsqueeze(1)).square() / v + v.log()
            )
        rows = -(state.log_weights.unsqueeze(-1) + log_p).logsumexp(1)
        if own:
            rows = rows - own * log_p.mean(1)
        return mean_of_rows(rows, query).mean()

    def validation_loss(self, module, state, outputs, query):
        if OPT["val"] == "mse":
            return task_losses(outputs, query).mean()
        rows = module.rows(query.X, query.offset, query.mask)
        return self._loss(
            module, state, self._members(module, state, rows, query.offset), query
        )

    def callbacks(self):
        return [("clip", GradientNormClipping(OPT["clip"]))] if OPT["clip"] else []


class State(NamedTuple):
    rows: Tensor  # (tasks, rows, inputs and embedding)
    weights: Tensor  # (tasks, members, rows, outputs)
    precision: Tensor  # (tasks, members, rows, rows), of values
    log_weights: Tensor  # (tasks, members)
    n_classes: Tensor  # (tasks,)


class MAP(torch.autograd.Function):
    @staticmethod
    def forward(ctx, K, logits, Y, root, n_steps):
        eye = torch.eye(K.shape[-1], dtype=K.dtype, device=K.device)
        step = torch.linalg.inv(eye + 0.5 * K)
        inverse = 1 / root.clamp(min=1e-12)
        a = torch.zeros_like(logits).masked_fill(torch.isinf(logits), 0.0)
        for _ in range(n_steps):
            p = torch.softmax(logits + (K @ a) * inverse, dim=-1)
            a = a + step @ (root * (Y - p) - a)
        p = torch.softmax(logits + (K @ a) * inverse, dim=-1)
        ctx.save_for_backward(K, step, p, a, root)
        ctx.n_steps = n_steps
        return a

    @staticmethod
    def backward(ctx, grad):
        K, step, p, a, root = ctx.saved_tensors

        def curve(x):
            return p * (x - (p * x).sum(-1, keepdim=True))

        x = grad
        for _ in range(ctx.n_steps):
            x = x + step @ (grad - x - K @ curve(x))
        u = -curve(x)
        return u @ a.mT, root * u, None, None, None


OPT = dict(
    clip=1.0,
    val="nll",
    own=0.5,
    penalty=0.0,
    const=-1.0,
    lin=-4.0,
    rbf=-2.0,
    deep=-2.0,
    members=[(1, 0)],
    temp=1.0,
)


class KernelLearner(nn.Module):
    def __init__(self, backbone, spec, width):
        super().__init__()
        self.kind = spec.kind
        self.n_outputs = spec.n_outputs
        d = spec.n_features + spec.n_parts * spec.n_outputs
        self.d = d
        members = [m for m in OPT["members"] if spec.n_parts or not m[0]] or [
            (0, m[1]) for m in OPT["members"]
        ]
        self.m = len(members)
        self.deep = any(x[1] for x in members)
        if self.deep:
            self.backbone = backbone.build(d)
            self.project = nn.Linear(width_of(self.backbone), width)
            self.skip = nn.Linear(d, width, bias=False)
            nn.init.normal_(self.skip.weight, std=0.3 / d**0.5)
        self.hyper = nn.Parameter(torch.zeros(self.m, 3 + 2 * d))
        if spec.kind == "regressor":
            self.log_noise = nn.Parameter(torch.zeros(self.m))
        if spec.n_parts:
            first = (
                [0.7, 0.3] if spec.n_parts == 2 else [1 / spec.n_parts] * spec.n_parts
            )
            self.mix = nn.Parameter(torch.tensor([first] * self.m))
        if spec.n_outputs:
            self.bias = nn.Parameter(torch.zeros(self.m, spec.n_outputs))
        if self.m > 1:
            self.gate = nn.Parameter(torch.zeros(self.m))
            self.temp = nn.Parameter(torch.tensor(OPT["temp"]))
        start = torch.cat(
            [
                torch.tensor([OPT["const"], OPT["rbf"], OPT["deep"]]),
                torch.full((d,), OPT["lin"]),
                torch.full((d,), 0.5 * math.log(d) + 0.3),
            ]
        )
        self.register_buffer("start", start)
        p = torch.tensor([float(x[0]) for x in members])
        self.register_buffer("around", p)
        self.register_buffer("has_deep", torch.tensor([float(x[1]) for x in members]))
        keep = torch.ones(self.m, d)
        keep[:, spec.n_features :] = p[:, None]
        self.register_buffer("keep", keep)

    def hypers(self):
        h = self.start + self.hyper  # (members, 3 + 2 d)
        d = self.d
        c, r, q = (h[:, i].exp()[:, None, None] for i in range(3))
        v = self.keep * h[:, 3 : 3 + d].exp()
        s = self.keep * (-h[:, 3 + d :]).exp()
        return c, r, q * self.has_deep[:, None, None], v.unsqueeze(1), s.unsqueeze(1)

    def log_weights(self, evidence, K):
        if self.m == 1:
            return K.new_zeros(len(K), 1)
        return torch.log_softmax(self.gate + self.temp * evidence, -1)

    def noise(self):
        return self.log_noise.exp() + 1e-4

    def penalty(self):
        return OPT["penalty"] * self.hyper.square().sum() if OPT["penalty"] else 0.0

    def rows(self, X, offset, mask=None):
        z = X
        if offset is not None:
            z = torch.cat([X, 6 * torch.tanh(offset.flatten(2) / 6)], -1)
        elif self.d > X.shape[-1]:
            z = torch.cat([X, X.new_zeros(*X.shape[:2], self.d - X.shape[-1])], -1)
        if not self.deep:
            return z
        e = self.project(apply(self.backbone, z, mask)) + self.skip(z)
        return torch.cat([z, e], -1)

    def mean(self, rows, offset, batch):
        n = self.n_outputs or int(batch.n_classes.max())
        mean = rows.new_zeros(len(rows), self.m, rows.shape[1], n)
        if self.n_outputs:
            mean = mean + self.bias[:, None]
        if offset is not None:
            mean = mean + torch.einsum(
                "trpo,mp->tmro", offset, self.around[:, None] * self.mix
            )
        return mean

    def kernel(self, A, B):
        c, r, q, v, s = self.hypers()
        d = self.d
        a, b = A[:, None, :, :d], B[:, None, :, :d]
        k = c + (a * v) @ b.mT + r * torch.exp(-0.5 * sq(a * s, b * s))
        if self.deep:
            k = k + q * torch.exp(-0.5 * sq(A[..., d:], B[..., d:])).unsqueeze(1)
        return k

    def diagonal(self, A):
        c, r, q, v, _ = self.hypers()
        return (c + r + q).squeeze(-1) + (A[:, None, :, : self.d].square() * v).sum(-1)


def sq(a, b):
    return (
        a.square().sum(-1, keepdim=True)
        + b.square().sum(-1).unsqueeze(-2)
        - 2 * a @ b.mT
    ).clamp(min=0.0)
