"""Settings of panel.py: data, noise, schedule, and which half each is in.

Half of the settings serve to choose methods and constants, half give the
verdict. The halves were fixed before anything was measured, and alternate, so
that both have every kind of data, with and without noise.
"""

import dataclasses
from itertools import product

from accuracy_runs import HELD_OUT
from sweep import Setting

CHOOSING, VERDICT = "choosing", "verdict"
CORRUPT = "prepare.corrupt=@{}"


@dataclasses.dataclass(frozen=True)
class PanelSetting(Setting):
    """A setting of the panel; `half` is CHOOSING or VERDICT."""

    half: str = CHOOSING


def setting(
    half: str, recipe: str, held_out: tuple[str, ...], *bindings: str
) -> PanelSetting:
    """Return a setting of a recipe and bindings, with its oracle."""
    files = (recipe, "benchmarks/panel.gin")
    corrupt, oracle = CORRUPT.format("instance_noise"), ()
    if "NOISE=0.0" not in bindings:
        oracle = (CORRUPT.format("right_labels"),)
    if corrupt in bindings:
        oracle += ("right_labels.corrupt=@instance_noise",)
    in_tfds = held_out == HELD_OUT
    return PanelSetting(files, bindings, held_out, oracle, in_tfds, half)


def cifar(half: str, *bindings: str) -> PanelSetting:
    """Return a setting of CIFAR-10: 5,000 images, 30 epochs, a small CNN."""
    return setting(half, "gin/cifar10_small.gin", HELD_OUT, *bindings)


# The constants in epochs grow with the schedule.
MID_SIZE = (
    *("TRAIN_EXAMPLES=20000", "EPOCHS=60"),
    *("WARMUP=10", "FINETUNE_FROM=50"),
)
CIFAR = {
    "CIFAR uniform 40": cifar(CHOOSING, "NOISE=0.4"),
    "CIFAR uniform 60": cifar(VERDICT, "NOISE=0.6"),
    "CIFAR flip 40": cifar(VERDICT, "NOISE=0.4", "NOISE_KIND='flip'"),
    "CIFAR asymmetric 30": cifar(
        CHOOSING, "NOISE=0.3", "NOISE_KIND='asymmetric'"
    ),
    "CIFAR tail .01": cifar(VERDICT, "NOISE=0.0", "IMBALANCE=0.01"),
    "CIFAR tail .1 uniform 40": cifar(CHOOSING, "NOISE=0.4", "IMBALANCE=0.1"),
    "CIFAR instance 40": cifar(
        VERDICT, "NOISE=0.4", CORRUPT.format("instance_noise")
    ),
    "CIFAR none": cifar(CHOOSING, "NOISE=0.0"),
    "CIFAR no crops uniform 40": cifar(
        VERDICT, "NOISE=0.4", "CropFlip.padding=0"
    ),
    "CIFAR no crops none": cifar(CHOOSING, "NOISE=0.0", "CropFlip.padding=0"),
    "CIFAR mid-size uniform 40": cifar(CHOOSING, "NOISE=0.4", *MID_SIZE),
    "CIFAR mid-size none": cifar(VERDICT, "NOISE=0.0", *MID_SIZE),
}

NETWORKS = {
    "CNN": (),
    "MLP": ("ClassifierConfig.network=@mlp", "mlp.scale=0.00392"),
}
DIGITS_NOISE = {
    "uniform 40": ("NOISE=0.4",),
    "tail .1": ("NOISE=0.0", "IMBALANCE=0.1"),
    "none": ("NOISE=0.0",),
}
DIGITS_EPOCHS = {
    10: ("WARMUP=1", "FINETUNE_FROM=8"),
    30: ("WARMUP=3", "FINETUNE_FROM=25"),
    60: ("WARMUP=5", "FINETUNE_FROM=50"),
}


def held_out(load: str) -> tuple[str, ...]:
    """Return bindings that test on 30 % of the training set."""
    return ("prepare.load=@validation_split", f"validation_split.load=@{load}")


def digits() -> dict[str, PanelSetting]:
    """Return the settings of digits; neighbours are in different halves."""
    cases = product(
        *(enumerate(x) for x in (NETWORKS, DIGITS_NOISE, DIGITS_EPOCHS))
    )
    return {
        f"digits {network} {noise} epochs {epochs}": setting(
            (CHOOSING, VERDICT)[(i + j + k) % 2],
            "gin/digits.gin",
            held_out("digits"),
            *NETWORKS[network],
            *DIGITS_NOISE[noise],
            *DIGITS_EPOCHS[epochs],
            f"EPOCHS={epochs}",
        )
        for (i, network), (j, noise), (k, epochs) in cases
    }


def small(half: str, load: str, noise: float, *bindings: str) -> PanelSetting:
    """Return a setting of a table or of documents."""
    return setting(
        half,
        "gin/base.gin",
        held_out(load),
        f"prepare.load=@{load}",
        f"NOISE={noise}",
        *("EPOCHS=40", "WARMUP=4", "FINETUNE_FROM=33"),
        *("META_PER_CLASS=10", "META_BATCH_SIZE=20", "WEIGHT_NET_RATE=3e-3"),
        *bindings,
    )


def table(half: str, name: str, noise: float) -> PanelSetting:
    """Return a setting of a table of scikit-learn and an MLP."""
    network = "ClassifierConfig.network=@mlp"
    schedule = ("BATCH_SIZE=32", "LEARNING_RATE=0.05")
    name = f"table.name={name!r}"
    return small(half, "table", noise, network, name, *schedule)


def text(half: str, noise: float) -> PanelSetting:
    """Return a setting of synthetic documents and word embeddings."""
    network = "ClassifierConfig.network=@word_network"
    return small(half, "documents", noise, network, "LEARNING_RATE=0.3")


PANEL = {
    **CIFAR,
    **digits(),
    "table cancer uniform 30": table(CHOOSING, "breast_cancer", 0.3),
    "table cancer none": table(VERDICT, "breast_cancer", 0.0),
    "table digits uniform 30": table(VERDICT, "digits", 0.3),
    "table digits none": table(CHOOSING, "digits", 0.0),
    "text uniform 40": text(CHOOSING, 0.4),
    "text none": text(VERDICT, 0.0),
}
