"""Time a step of GDW in PyTorch, for comparison: ResNet-32, random images.

    python benchmarks/torch_gdw.py --batch=100 --meta_batch=100 --csv=torch.csv

This file, torch_networks.py, PyTorch (2.13 was used) and NumPy are all it
needs. The rule is that of the official code (see fsr_gdw_tf/methods/gdw.py),
with the settings of CIFAR-10. The kinds of steps take turns of --steps each;
medians over --rounds turns, after two. plain is forward, backward and SGD.

On a GPU (--device=cuda) a turn ends when the GPU has finished, and cuDNN takes
its fastest algorithms, as XLA does. Convolutions and matrix products may use
TF32, as XLA's do by default; --notf32 forbids it.

gdw_official: every pass of the official loop, in its order. Four are not
    needed, and are marked "wasted" below: two gradients in the weights of the
    network's copy are dropped, that of the summed weighted errors and that of
    the meta loss; a second copy forwards the training batch for nothing; the
    network's own logits equal those of the first copy.
gdw_double_backward: the same numbers without those passes. The training batch
    is forwarded once; that graph serves the virtual step, the gradient of its
    gradient, and the real step. For that second gradient PyTorch computes four
    convolutions per layer where two would do.
"""

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

try:
    import torch
    from torch import nn
    from torch.func import functional_call
    from torch.nn import functional
except ImportError:
    print("error: this needs PyTorch: pip install torch", file=sys.stderr)
    sys.exit(2)

from torch_networks import resnet32, weight_net

COLUMNS = ["step", "seconds", "ratio", "threads", "torch", "batch"]
COLUMNS += ["meta_batch", "tf32", "device"]
CLASSES, SIZE, WARMUP = 10, 32, 2
RATE = 0.1
# The paper's eta_omega is 100, for 100 examples of 10 classes.
MEAN_UPDATE = 0.1
CLIP, FLOOR, CEILING, CAP = 0.2, 1e-6, 1e6, 0.999


class Batch(NamedTuple):
    """The tensors of one step."""

    inputs: torch.Tensor
    labels: torch.Tensor
    meta_inputs: torch.Tensor
    meta_labels: torch.Tensor


@dataclass
class TrainState:
    """A network, its weight net, their optimizers, and a way to copy it."""

    build: Callable[[], nn.Module]
    network: nn.Module
    net: nn.Module
    optimizer: torch.optim.Optimizer
    net_optimizer: torch.optim.Optimizer

    def copy(self) -> nn.Module:
        """Return a second network with the same weights and statistics."""
        copy = self.build()
        copy.load_state_dict(self.network.state_dict())
        return copy


def papers_state(build: Callable[[], nn.Module]) -> TrainState:
    """Return a new network and weight net, with the papers' optimizers."""
    network, net = build(), weight_net()
    sgd = torch.optim.SGD(
        network.parameters(), RATE, momentum=0.9, weight_decay=5e-4
    )
    adam = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=1e-4)
    return TrainState(build, network, net, sgd, adam)


def plain(state: TrainState, batch: Batch) -> None:
    """Take one step of ordinary training."""
    logits = state.network(batch.inputs)
    state.optimizer.zero_grad()
    functional.cross_entropy(logits, batch.labels).backward()
    state.optimizer.step()


def gdw_official(state: TrainState, batch: Batch) -> torch.Tensor:
    """Take one step, pass by pass as the official loop; return omega."""
    copy = state.copy()
    logits = copy(batch.inputs)
    target = one_hot(batch.labels, logits)
    probs = functional.softmax(logits, dim=1)
    # Caps the value alone: the graph of the error keeps its gradient.
    probs.data.clamp_(max=CAP)
    omega = first_weights(state.net, logits, target)
    weighted = omega * (probs - target) / len(logits)
    weighted.sum().backward(retain_graph=True)  # wasted
    ahead = virtual_step(copy, logits, weighted)
    loss = meta_loss(copy, ahead, batch)
    omega.retain_grad()
    state.net_optimizer.zero_grad()
    loss.backward()  # in part wasted: also into the copy's weights
    state.net_optimizer.step()
    state.copy()(batch.inputs)  # wasted
    logits = state.network(batch.inputs)  # wasted: the copy's, again
    return real_step(state, logits, target, omega.detach(), omega.grad)


def gdw_double_backward(state: TrainState, batch: Batch) -> torch.Tensor:
    """Take one step with one forward pass of the training batch."""
    network, phi = state.network, list(state.net.parameters())
    logits = network(batch.inputs)
    target = one_hot(batch.labels, logits)
    omega = first_weights(state.net, logits, target)
    weighted = omega * (capped_probs(logits) - target) / len(logits)
    ahead = virtual_step(network, logits, weighted)
    # The meta batch must leave the network's running statistics alone.
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    loss = meta_loss(network, ahead | buffers, batch)
    # This frees the graphs of the meta batch and of the virtual gradient, but
    # not that of the logits, which the real step needs.
    g, *gradients = torch.autograd.grad(loss, [omega, *phi])
    for parameter, gradient in zip(phi, gradients, strict=True):
        parameter.grad = gradient
    state.net_optimizer.step()
    return real_step(state, logits, target, omega.detach(), g)


def one_hot(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return one-hot labels in the type of the logits."""
    return functional.one_hot(labels, logits.shape[1]).to(logits.dtype)


def capped_probs(logits: torch.Tensor) -> torch.Tensor:
    """Return p, capped and without a gradient."""
    return functional.softmax(logits.detach(), dim=1).clamp(max=CAP)


def first_weights(net, logits, target) -> torch.Tensor:
    """Return stage one: the net's weight of each example, once per class."""
    losses = functional.cross_entropy(logits.detach(), target, reduction="none")
    omega = net(losses[:, None]).repeat(1, logits.shape[1])
    return zero_mean(omega, capped_probs(logits), target)


def zero_mean(omega, probs, target) -> torch.Tensor:
    """Return omega with omega_t = sum_{j != t} omega_j p_j / (1 - p_t)."""
    others = (omega * probs * (1 - target)).sum(1, keepdim=True)
    left = 1 - (probs * target).sum(1, keepdim=True)
    return torch.where(target > 0, others / left, omega)


def virtual_step(network, logits, weighted) -> dict[str, torch.Tensor]:
    """Return the weights after a step of plain SGD, a function of omega."""
    now = dict(network.named_parameters())
    values = list(now.values())
    gradients = torch.autograd.grad(logits, values, weighted, create_graph=True)
    moved = zip(now, gradients, strict=True)
    return {name: now[name] - RATE * gradient for name, gradient in moved}


def meta_loss(network, values, batch: Batch) -> torch.Tensor:
    """Return the loss of the meta batch with other weights."""
    logits = functional_call(network, values, (batch.meta_inputs,))
    return functional.cross_entropy(logits, batch.meta_labels)


def real_step(state: TrainState, logits, target, omega, g) -> torch.Tensor:
    """Take stage two: omega moves against g, then the network moves."""
    probs, rate = capped_probs(logits), MEAN_UPDATE * g.numel()
    update = (rate * g / g.abs().sum()).clamp(-CLIP, CLIP)
    omega = zero_mean((omega - update).clamp(FLOOR, CEILING), probs, target)
    state.optimizer.zero_grad()
    logits.backward(omega * (probs - target) / len(logits))
    state.optimizer.step()
    return omega


STEPS = (plain, gdw_official, gdw_double_backward)


def random_batch(size: int, meta_batch_size: int, device: str) -> Batch:
    """Return the same random images each time, with labels of all classes."""
    rng, parts = np.random.default_rng(0), []
    for n in (size, meta_batch_size):
        images = rng.standard_normal((n, 3, SIZE, SIZE), np.float32)
        parts += [torch.from_numpy(images), torch.arange(n) % CLASSES]
    return Batch(*(part.to(device) for part in parts))


def measure(batch: Batch, rounds: int, count: int) -> dict[str, float]:
    """Return the median seconds of the steps, each on its own network.

    count: steps in a turn; the time of a turn is divided by it.
    """
    device = batch.inputs.device

    def build() -> nn.Module:
        with device:
            return resnet32(CLASSES)

    with device:
        states = {step: papers_state(build) for step in STEPS}
    measured = {step: [] for step in STEPS}
    for _ in range(WARMUP + rounds):
        for step in STEPS:
            start = time.perf_counter()
            for _ in range(count):
                step(states[step], batch)
            if batch.inputs.is_cuda:
                torch.cuda.synchronize()
            measured[step].append((time.perf_counter() - start) / count)
    return {
        step.__name__: statistics.median(seconds[WARMUP:])
        for step, seconds in measured.items()
    }


def prepare_device(device: str, tf32: bool) -> None:
    """Allow TF32 or not; exit if the device is a GPU and there is none."""
    if device == "cuda" and not torch.cuda.is_available():
        message = "--device=cuda needs a GPU, and PyTorch finds none"
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32


def describe(args: argparse.Namespace) -> list:
    """Return the last columns: those that all rows share."""
    row = [torch.get_num_threads(), torch.__version__]
    row += [args.batch, args.meta_batch]
    if args.device == "cpu":  # which has no TF32
        return [*row, "", "cpu"]
    return [*row, "on" if args.tf32 else "off", torch.cuda.get_device_name()]


def positive(text: str) -> int:
    """Parse an integer of one or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"1 or more, got {text!r}")
    return int(text)


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--batch", type=positive, default=100, help="training examples")
    add("--meta_batch", type=positive, default=100, help="meta examples")
    add("--rounds", type=positive, default=10, help="turns of each step")
    add("--steps", type=positive, default=1, help="steps in each turn")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--tf32", action="store_true", default=True, help="allow TF32; default")
    add("--notf32", dest="tf32", action="store_false", help="forbid TF32")
    add("--threads", type=positive, help="PyTorch's threads")
    add("--csv", type=Path, help="CSV file to write")
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    args = parse_flags()
    if args.threads:
        torch.set_num_threads(args.threads)
    prepare_device(args.device, args.tf32)
    torch.manual_seed(0)
    batch = random_batch(args.batch, args.meta_batch, args.device)
    medians = measure(batch, args.rounds, args.steps)
    rows, shared = [COLUMNS], describe(args)
    for name, seconds in medians.items():
        ratio = round(seconds / medians["plain"], 3)
        rows.append([name, round(seconds, 7), ratio, *shared])
    for row in rows:
        shown = (str(value) or "-" for value in row)
        print("{:21}{:11}{:8}{:9}{:15}{:7}{:12}{:6}{}".format(*shown))
    if args.csv:
        with args.csv.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
