"""The cells of the papers' tables that are trained at full scale.

A cell is a schedule (a recipe of one of the papers), a setting of the labels, a
method and a seed. The most valuable cells come first.
"""

import re
from typing import NamedTuple

NETWORK = "ResNet-32"
SCHEDULES = {
    "GDW": ("gin/cifar10_noise.gin", []),
    "FSR": (
        "gin/fsr_cifar10_noise.gin",
        ["ClassifierConfig.network=@resnet32"],
    ),
}
SETTINGS = {
    "uniform 40 %": ["NOISE=0.4"],
    "uniform 60 %": ["NOISE=0.6"],
    "flip 40 %": ["NOISE=0.4", "NOISE_KIND='flip'"],
    "long tail .01": ["NOISE=0.0", "IMBALANCE=0.01"],
    "long tail .1": ["NOISE=0.0", "IMBALANCE=0.1"],
    "no noise": ["NOISE=0.0"],
}


class Cell(NamedTuple):
    """One training run."""

    schedule: str
    setting: str
    method: str
    seed: int = 0

    @property
    def name(self) -> str:
        """A name for files and flags: gdw_uniform_40_mwnet_seed0."""
        words = re.findall(r"[\w.]+", self.setting)
        words = [self.schedule.lower(), *words, self.method]
        return "_".join([*words, f"seed{self.seed}"])

    @property
    def gin_files(self) -> list[str]:
        """The gin files, as `--gin_file` takes them."""
        return [SCHEDULES[self.schedule][0], f"gin/methods/{self.method}.gin"]

    @property
    def gin_params(self) -> list[str]:
        """The gin bindings, as `--gin_param` takes them."""
        params = [*SCHEDULES[self.schedule][1], *SETTINGS[self.setting]]
        return [*params, f"SEED={self.seed}"]

    @property
    def command(self) -> list[str]:
        """The command that trains the same cell with TensorFlow."""
        return [
            *("python", "-m", "fsr_gdw_tf.main", "--mode=train"),
            *(f"--gin_file={file}" for file in self.gin_files),
            *(f"--gin_param={param}" for param in self.gin_params),
            f"--run_dir=runs/{self.name}",
        ]


def all_cells() -> list[Cell]:
    """Return the list, the most valuable cells first."""
    published = ("gdw", "mwnet", "supervised")
    controls = ("fsr_official", "mixup_relabel", "supervised")
    others = ("gdw_dictionary_raw", "gdw_head", "gce", "elr")
    first = "uniform 40 %"
    *noisy, clean = SETTINGS
    cells = [Cell("GDW", s, m) for s in noisy for m in published]
    cells.insert(3, Cell("GDW", clean, "supervised"))  # do the images agree?
    cells += [Cell("FSR", first, m) for m in controls]
    repeated = [*cells[:10], *cells[-3:]]
    cells += [Cell("GDW", first, m) for m in others]
    return cells + [c._replace(seed=k) for k in (1, 2) for c in repeated]
