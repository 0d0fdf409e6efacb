"""Arithmetic of the panel: gains over plain training, and losses."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from panel_settings import PanelSetting
from sweep import ORACLE, PLAIN

LOSS = -0.5  # points; below it a method counts as worse than plain training


class Key(NamedTuple):
    """A setting and a method."""

    setting: str
    method: str


class Table:
    """Rows of panel.csv, by setting and method.

    column: what is compared, such as "last5"; rows without it are left out.
    """

    def __init__(self, rows: Sequence[dict], column: str = "last5"):
        self.values: dict[Key, dict[int, float]] = {}
        for row in rows:
            if row[column] is not None:
                key = Key(row["setting"], row["method"])
                self.values.setdefault(key, {})[row["seed"]] = row[column]

    @property
    def methods(self) -> list[str]:
        """Return the methods, plain training and the oracle first."""
        names = {key.method for key in self.values}
        return sorted(names, key=lambda m: (m != PLAIN, m != ORACLE, m))

    def mean(self, setting: str, method: str) -> float | None:
        """Return the mean over seeds in percent; None without a run."""
        values = self.values.get(Key(setting, method))
        return 100 * float(np.mean(list(values.values()))) if values else None

    def gain(self, setting: str, method: str) -> float | None:
        """Return the mean gain over plain training in points.

        It is the mean over the seeds of both; None if they share none.
        """
        own = self.values.get(Key(setting, method), {})
        plain = self.values.get(Key(setting, PLAIN), {})
        gains = [own[seed] - plain[seed] for seed in own if seed in plain]
        return 100 * float(np.mean(gains)) if gains else None


def names_of(settings: Mapping[str, PanelSetting], half: str) -> list[str]:
    """Return the settings of a half."""
    return [name for name, setting in settings.items() if setting.half == half]


def summary(
    table: Table, settings: Mapping[str, PanelSetting], half: str
) -> list[dict]:
    """Return a row for each method: its gains over the settings of a half."""
    rows = []
    for method in table.methods:
        names = names_of(settings, half)
        if method == ORACLE:
            names = [name for name in names if settings[name].oracle]
        gains = {name: table.gain(name, method) for name in names}
        gains = {name: g for name, g in gains.items() if g is not None}
        if method != PLAIN and gains:
            rows.append(_summary_of(method, gains, len(names)))
    return rows


def _summary_of(method: str, gains: dict[str, float], settings: int) -> dict:
    """Return the mean, the worst and the number of losses of a method."""
    worst = min(gains, key=gains.get)
    # 1e-9: .895 - .900 is not quite -.005 in floating point.
    losses = [g for g in gains.values() if g < LOSS - 1e-9]
    return {
        "method": method,
        "settings": f"{len(gains)} of {settings}",
        "mean gain": float(np.mean(list(gains.values()))),
        "worst": gains[worst],
        "in": worst,
        f"below plain - {-LOSS:g}": len(losses),
    }


def missing(
    table: Table, settings: Mapping[str, PanelSetting], half: str
) -> list[str]:
    """Return a line for each method without a gain in some settings."""
    lines = []
    for method in table.methods:
        names = [
            name
            for name in names_of(settings, half)
            if table.gain(name, method) is None
            and (method != ORACLE or settings[name].oracle)
        ]
        if names:
            lines.append(f"{half}, {method} lacks: {', '.join(names)}")
    return lines


def accuracies(
    table: Table, settings: Mapping[str, PanelSetting]
) -> list[dict]:
    """Return a row for each setting with the mean of each method in percent."""
    return [
        {"setting": name, "half": setting.half}
        | {method: table.mean(name, method) for method in table.methods}
        for name, setting in settings.items()
        if any(key.setting == name for key in table.values)
    ]
