"""The papers' networks of CIFAR-10 in PyTorch, for `torch_gdw.py`."""

from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two convolutions and a shortcut without weights (option A)."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv1, self.norm1 = conv(before, width)
        self.conv2, self.norm2 = conv(width, width)
        self.extra = (width - before) // 2

    def forward(self, x):
        """Subsample pixels and pad channels where the width grows."""
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.extra:
            sides = (0, 0, 0, 0, self.extra, self.extra)
            x = functional.pad(x[:, :, ::2, ::2], sides)
        return functional.relu(y + x)


def resnet32(classes: int = 10) -> nn.Module:
    """Return `networks.resnet32`, channels first, without rescaling."""
    parts = [*conv(3, 16, stride=1), nn.ReLU()]
    for before, width in ((16, 16), (16, 32), (32, 64)):
        parts += [Block(before, width)]
        parts += [Block(width, width) for _ in range(4)]
    head = nn.Linear(64, classes)
    nn.init.kaiming_normal_(head.weight)
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), head]
    return nn.Sequential(*parts)


def conv(before: int, width: int, stride: int | None = None):
    """Return a convolution without bias, and its batch normalisation."""
    stride = stride or (1 if before == width else 2)
    layer = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight)
    return layer, nn.BatchNorm2d(width)


def weight_net(hidden: int = 100) -> nn.Module:
    """Return the papers' network from a loss to a weight."""
    first, second = nn.Linear(1, hidden), nn.Linear(hidden, 1)
    return nn.Sequential(first, nn.ReLU(), second, nn.Sigmoid())
