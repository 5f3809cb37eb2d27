"""How far confidence can be trusted, as PNG: the reliability diagram, and risk over coverage."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tushuo.metrics.reliability import Reliability
from tushuo.runtime import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATED, LEVEL = "#c2410c", "#9aa5b1"


def draw_reliability(found: Reliability, path: Path) -> None:
    """Draw what became of captions on pictures that nothing was fitted on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained", dpi=130)
    left, right = figure.subplots(1, 2)
    _diagram(left, found)
    _curve(right, found)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def _diagram(axes: "Axes", found: Reliability) -> None:
    """Draw the share that fits over the confidence, a point a bin."""
    stated = np.array([one.confidence for one in found.bins])
    fitting = np.array([one.fitting for one in found.bins])
    chance = 1.96 * np.sqrt(stated * (1 - stated) / [one.pictures for one in found.bins])
    axes.plot([0, 1], [0, 1], "--", color=LEVEL, label="without fault")
    axes.fill_between(
        stated,
        (stated - chance).clip(0, 1),
        (stated + chance).clip(0, 1),
        color=LEVEL,
        alpha=0.25,
        linewidth=0,
        label="chance alone, 95 %",
    )
    axes.plot(stated, fitting, "o-", color=STATED, label="captions")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel="confidence",
        ylabel="share of captions that fit",
        title=f"n = {found.pictures}, error {found.error:.3f} "
        f"(by chance {found.error_by_chance:.3f})",
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
    axes.title.set_fontsize(10)


def _curve(axes: "Axes", found: Reliability) -> None:
    """Draw the share of bad captions over the share of pictures that are answered."""
    coverage = np.linspace(0, 1, len(found.risk) + 1)[1:]
    best = np.maximum(0, 1 - found.fitting / coverage)
    axes.plot(coverage, [1 - found.fitting] * len(coverage), "--", color=LEVEL, label="at random")
    axes.plot(coverage, best, ":", color=LEVEL, label="if it knew all")
    axes.plot(coverage, found.risk, "-", color=STATED, label="the most confident first")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="share of pictures that are answered",
        ylabel="share of answers that do not fit",
        title=f"n = {found.pictures}, AUROC {found.auroc:.3f} "
        f"({found.auroc_interval[0]:.3f} to {found.auroc_interval[1]:.3f})",
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
    axes.title.set_fontsize(10)
