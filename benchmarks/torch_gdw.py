"""Times a step of GDW in PyTorch, as a yardstick: ResNet-32, random images.

    python benchmarks/torch_gdw.py --batch=100 --meta_batch=100 --csv=torch.csv

This file, PyTorch (2.13 was used) and NumPy are all it needs. The rule is that
of the official code (see fsr_gdw_tf/methods/gdw.py), with the settings of
CIFAR-10. Steps take turns; medians over --rounds, after a warm-up.

plain: forward, backward, SGD.
gdw_official: every pass of the official loop, in its order. Four of them could
    be left out, and are marked "wasted" below: the sum of the weighted errors
    goes back through the copy of the network, and that gradient is dropped;
    the meta loss goes on into the copy's own weights, also dropped; a second
    copy sees the training batch, and nobody reads its logits; the network's
    own are those that the first copy gave. Both copies are built with random
    weights before they get the real ones.
gdw_double_backward: the same numbers without that. The training batch goes
    forward once; that graph serves the virtual step, the gradient of its
    gradient, and the real step. For that second gradient PyTorch computes four
    convolutions per layer where two would do, whatever it is asked for.
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

COLUMNS = ["step", "seconds", "ratio", "threads", "torch"]
CLASSES, SIZE, WARMUP = 10, 32, 2
RATE = 0.1
# eta_omega of the papers is 100 for 100 examples of 10 classes.
MEAN_UPDATE = 0.1
CLIP, FLOOR, CEILING, CAP = 0.2, 1e-6, 1e6, 0.999


class Batch(NamedTuple):
    """What one step sees."""

    inputs: torch.Tensor
    labels: torch.Tensor
    meta_inputs: torch.Tensor
    meta_labels: torch.Tensor


@dataclass
class Learner:
    """A network, how to build another one, its weight net, optimizers."""

    build: Callable[[], nn.Module]
    network: nn.Module
    net: nn.Module
    optimizer: torch.optim.Optimizer
    net_optimizer: torch.optim.Optimizer

    def copy(self) -> nn.Module:
        """A second network with the same weights and statistics."""
        copy = self.build()
        copy.load_state_dict(self.network.state_dict())
        return copy


class Block(nn.Module):
    """Two convolutions and a shortcut without weights (option A)."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv1, self.norm1 = conv(before, width)
        self.conv2, self.norm2 = conv(width, width)
        self.extra = (width - before) // 2

    def forward(self, x):
        """More channels are fewer pixels: some are skipped, zeros padded."""
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.extra:
            sides = (0, 0, 0, 0, self.extra, self.extra)
            x = functional.pad(x[:, :, ::2, ::2], sides)
        return functional.relu(y + x)


def resnet32(classes: int = CLASSES) -> nn.Module:
    """`fsr_gdw_tf.networks.resnet32`, channels first, of scaled images."""
    parts = [*conv(3, 16, stride=1), nn.ReLU()]
    for before, width in ((16, 16), (16, 32), (32, 64)):
        parts += [Block(before, width)]
        parts += [Block(width, width) for _ in range(4)]
    head = nn.Linear(64, classes)
    nn.init.kaiming_normal_(head.weight)
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), head]
    return nn.Sequential(*parts)


def conv(before: int, width: int, stride: int | None = None):
    """A convolution without bias, and what normalises it."""
    stride = stride or (1 if before == width else 2)
    made = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(made.weight)
    return made, nn.BatchNorm2d(width)


def weight_net(hidden: int = 100) -> nn.Module:
    """The papers': from a loss to a weight."""
    first, second = nn.Linear(1, hidden), nn.Linear(hidden, 1)
    return nn.Sequential(first, nn.ReLU(), second, nn.Sigmoid())


def papers_learner(build: Callable[[], nn.Module]) -> Learner:
    """With the papers' optimizers."""
    network, net = build(), weight_net()
    sgd = torch.optim.SGD(
        network.parameters(), RATE, momentum=0.9, weight_decay=5e-4
    )
    adam = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=1e-4)
    return Learner(build, network, net, sgd, adam)


def plain(classifier: Learner, batch: Batch) -> None:
    """One step of ordinary training."""
    logits = classifier.network(batch.inputs)
    classifier.optimizer.zero_grad()
    functional.cross_entropy(logits, batch.labels).backward()
    classifier.optimizer.step()


def gdw_official(classifier: Learner, batch: Batch) -> torch.Tensor:
    """One step, pass by pass as the official loop; gives the new omega."""
    copy = classifier.copy()
    logits = copy(batch.inputs)
    target = one_hot(batch.labels, logits)
    probs = functional.softmax(logits, dim=1)
    # Of the value alone: the graph of the error reaches the copy's weights.
    probs.data.clamp_(max=CAP)
    omega = first_weights(classifier.net, logits, target)
    weighted = omega * (probs - target) / len(logits)
    weighted.sum().backward(retain_graph=True)  # wasted
    ahead = virtual_step(copy, logits, weighted)
    loss = meta_loss(copy, ahead, batch)
    omega.retain_grad()
    classifier.net_optimizer.zero_grad()
    loss.backward()  # in part wasted: also into the copy's weights
    classifier.net_optimizer.step()
    classifier.copy()(batch.inputs)  # wasted
    logits = classifier.network(batch.inputs)  # wasted: the copy's, again
    return real_step(classifier, logits, target, omega.detach(), omega.grad)


def gdw_double_backward(classifier: Learner, batch: Batch) -> torch.Tensor:
    """One step on one forward of the training batch; gives the new omega."""
    network, phi = classifier.network, list(classifier.net.parameters())
    logits = network(batch.inputs)
    target = one_hot(batch.labels, logits)
    omega = first_weights(classifier.net, logits, target)
    weighted = omega * (capped_probs(logits) - target) / len(logits)
    ahead = virtual_step(network, logits, weighted)
    # The meta batch must leave the network's running statistics alone.
    spare = {name: value.clone() for name, value in network.named_buffers()}
    loss = meta_loss(network, ahead | spare, batch)
    # This frees the graphs of the meta batch and of the virtual gradient. It
    # does not enter that of the logits, which the real step still needs.
    g, *slopes = torch.autograd.grad(loss, [omega, *phi])
    for parameter, slope in zip(phi, slopes, strict=True):
        parameter.grad = slope
    classifier.net_optimizer.step()
    return real_step(classifier, logits, target, omega.detach(), g)


def one_hot(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Labels like the logits."""
    return functional.one_hot(labels, logits.shape[1]).to(logits.dtype)


def capped_probs(logits: torch.Tensor) -> torch.Tensor:
    """p, without a gradient."""
    return functional.softmax(logits.detach(), dim=1).clamp(max=CAP)


def first_weights(net, logits, target) -> torch.Tensor:
    """Stage one: the net's weight of each example, once per class."""
    losses = functional.cross_entropy(logits.detach(), target, reduction="none")
    omega = net(losses[:, None]).repeat(1, logits.shape[1])
    return zero_mean(omega, capped_probs(logits), target)


def zero_mean(omega, probs, target) -> torch.Tensor:
    """omega_t = sum_{j != t} omega_j p_j / (1 - p_t)."""
    others = (omega * probs * (1 - target)).sum(1, keepdim=True)
    left = 1 - (probs * target).sum(1, keepdim=True)
    return torch.where(target > 0, others / left, omega)


def virtual_step(network, logits, weighted) -> dict[str, torch.Tensor]:
    """Weights after a step of plain SGD, as a function of omega."""
    now = dict(network.named_parameters())
    values = list(now.values())
    slopes = torch.autograd.grad(logits, values, weighted, create_graph=True)
    moved = zip(now, slopes, strict=True)
    return {name: now[name] - RATE * slope for name, slope in moved}


def meta_loss(network, values, batch: Batch) -> torch.Tensor:
    """The loss of the meta batch, with other values in the network."""
    logits = functional_call(network, values, (batch.meta_inputs,))
    return functional.cross_entropy(logits, batch.meta_labels)


def real_step(classifier: Learner, logits, target, omega, g) -> torch.Tensor:
    """Stage two: omega moves against its gradient g, then the network moves."""
    probs, rate = capped_probs(logits), MEAN_UPDATE * g.numel()
    update = (rate * g / g.abs().sum()).clamp(-CLIP, CLIP)
    omega = zero_mean((omega - update).clamp(FLOOR, CEILING), probs, target)
    classifier.optimizer.zero_grad()
    logits.backward(omega * (probs - target) / len(logits))
    classifier.optimizer.step()
    return omega


STEPS = (plain, gdw_official, gdw_double_backward)


def random_batch(size: int, meta_batch_size: int) -> Batch:
    """Always the same noise, with labels of all classes."""
    rng, parts = np.random.default_rng(0), []
    for n in (size, meta_batch_size):
        images = rng.standard_normal((n, 3, SIZE, SIZE), np.float32)
        parts += [torch.from_numpy(images), torch.arange(n) % CLASSES]
    return Batch(*parts)


def measure(batch: Batch, rounds: int) -> dict[str, float]:
    """Median seconds of the steps, in turn, each on a network of its own."""
    learners = {step: papers_learner(resnet32) for step in STEPS}
    taken = {step: [] for step in STEPS}
    for _ in range(WARMUP + rounds):
        for step in STEPS:
            start = time.perf_counter()
            step(learners[step], batch)
            taken[step].append(time.perf_counter() - start)
    return {
        step.__name__: statistics.median(seconds[WARMUP:])
        for step, seconds in taken.items()
    }


def count(text: str) -> int:
    """A flag's number, one or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"1 or more, got {text!r}")
    return int(text)


def parse_flags() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--batch", type=count, default=100, help="training examples per step")
    add("--meta_batch", type=count, default=100, help="meta examples per step")
    add("--rounds", type=count, default=10, help="steps of each kind")
    add("--threads", type=count, help="of PyTorch; its own choice otherwise")
    add("--csv", type=Path, help="where to write the table")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    args = parse_flags()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch = random_batch(args.batch, args.meta_batch)
    rows, medians = [COLUMNS], measure(batch, args.rounds)
    for name, seconds in medians.items():
        row = [name, round(seconds, 4), round(seconds / medians["plain"], 3)]
        rows.append([*row, torch.get_num_threads(), torch.__version__])
    for row in rows:
        print("{:21}{:9}{:7}{:9}{}".format(*map(str, row)))
    if args.csv:
        with args.csv.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
