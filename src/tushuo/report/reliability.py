"""Figure of calibrated confidence: reliability diagram, and risk over coverage."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tushuo.metrics.reliability import Reliability
from tushuo.runtime import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTIONS, LEVEL = "#c2410c", "#9aa5b1"


def draw_reliability(measured: Reliability, path: Path) -> None:
    """Draw the reliability measured on held-out pictures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained", dpi=130)
    left, right = figure.subplots(1, 2)
    _diagram(left, measured)
    _curve(right, measured)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def _diagram(axes: "Axes", measured: Reliability) -> None:
    """Draw the share of fitting captions over the confidence, one point for each bin."""
    confidence = np.array([one.confidence for one in measured.bins])
    fitting = np.array([one.fitting for one in measured.bins])
    chance = 1.96 * np.sqrt(confidence * (1 - confidence) / [one.pictures for one in measured.bins])
    axes.plot([0, 1], [0, 1], "--", color=LEVEL, label="perfectly calibrated")
    axes.fill_between(
        confidence,
        (confidence - chance).clip(0, 1),
        (confidence + chance).clip(0, 1),
        color=LEVEL,
        alpha=0.25,
        linewidth=0,
        label="sampling error, 95 %",
    )
    axes.plot(confidence, fitting, "o-", color=CAPTIONS, label="captions")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel="confidence",
        ylabel="share of captions that fit",
        title=f"n = {measured.pictures}, error {measured.error:.3f} "
        f"(expected {measured.error_by_chance:.3f})",
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
    axes.title.set_fontsize(10)


def _curve(axes: "Axes", measured: Reliability) -> None:
    """Draw the share of captions that do not fit over the share of captions kept."""
    coverage = np.linspace(0, 1, len(measured.risk) + 1)[1:]
    best = np.maximum(0, 1 - measured.fitting / coverage)
    axes.plot(
        coverage, [1 - measured.fitting] * len(coverage), "--", color=LEVEL, label="random order"
    )
    axes.plot(coverage, best, ":", color=LEVEL, label="ideal order")
    axes.plot(coverage, measured.risk, "-", color=CAPTIONS, label="most confident first")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="share of captions kept",
        ylabel="share of kept captions that do not fit",
        title=f"n = {measured.pictures}, AUROC {measured.auroc:.3f} "
        f"({measured.auroc_interval[0]:.3f} to {measured.auroc_interval[1]:.3f})",
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
    axes.title.set_fontsize(10)
