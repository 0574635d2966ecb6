"""A step of gradient descent, and its derivative, written out for ReLU networks.

Second-order meta-learning differentiates through its own gradient steps. torch can do
that by itself (``create_graph=True``), with general rules that touch every small tensor
many times. For a multilayer perceptron the step and its derivative are a few dozen
batched products; written out, nothing else is computed.

Notation: a layer maps its input A to Z = A W^T + b, and ReLU makes the next input of Z.
G is the gradient of the support loss in Z. ``W_bar`` is what the outer backward pass
finds for W: the gradient of the meta-loss.
"""

from skmeta.backprop.functions import descend, descend_and_forget
from skmeta.backprop.loss import SupportLoss
from skmeta.backprop.network import apply_relu_network, is_relu_network
from skmeta.backprop.whole import mean_descent, meta_gradient

__all__ = [
    "SupportLoss",
    "apply_relu_network",
    "descend",
    "descend_and_forget",
    "is_relu_network",
    "mean_descent",
    "meta_gradient",
]
