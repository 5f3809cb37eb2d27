"""The loss curve as PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tushuo.runtime import atomic_write
from tushuo.training.checkpoint import EpochRow, best_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING, VALIDATION, CIDER = "#9aa5b1", "#c2410c", "#0f766e"


def draw_loss_curve(rows: Sequence[EpochRow], path: Path) -> None:
    """Draw the losses, in nats per word, and CIDEr where there is one, over the epochs.

    The best epoch is marked: by CIDEr where there is one, or by the validation loss.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4.2), layout="constrained", dpi=130)
    axes = figure.add_subplot()
    epochs = [row.epoch for row in rows]
    if all(row.train_loss is not None for row in rows):
        losses = [row.train_loss or 0.0 for row in rows]
        axes.plot(epochs, losses, "o-", ms=3.5, label="training loss", color=TRAINING)
    losses = [row.val_loss for row in rows]
    axes.plot(epochs, losses, "o-", ms=3.5, label="validation loss", color=VALIDATION)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss, nats per word")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    if any(row.val_cider is not None for row in rows):
        beside = axes.twinx()
        beside.spines[["top", "left"]].set_visible(False)
        beside.set_ylabel("CIDEr of the captions said", color=CIDER)
        scores = [row.val_cider or 0.0 for row in rows]
        beside.plot(epochs, scores, "s-", ms=3.5, label="CIDEr", color=CIDER)
        best = best_row(rows, "cider")
        _mark(beside, best.epoch, best.val_cider or 0.0, CIDER, last=epochs[-1])
    else:
        best = best_row(rows, "loss")
        _mark(axes, best.epoch, best.val_loss, VALIDATION, last=epochs[-1])
    figure.legend(frameon=False, loc="outside upper center", ncols=3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def _mark(axes: "Axes", epoch: int, value: float, colour: str, *, last: int) -> None:
    """Name the best epoch beside its point, and towards the middle from either edge."""
    place = (epoch - 1) / (last - 1) if last > 1 else 0.5
    axes.annotate(
        f"best: epoch {epoch}, {value:.3f}",
        (epoch, value),
        xytext=(0, 18),
        textcoords="offset points",
        ha="left" if place < 0.1 else "right" if place > 0.9 else "center",
        arrowprops={"arrowstyle": "-", "color": colour},
    )
