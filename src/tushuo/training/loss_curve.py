"""Draw the learning curve as PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tushuo.runtime import atomic_write
from tushuo.training.checkpoint import EpochRow, best_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING, VALIDATION, CIDER = "#9aa5b1", "#c2410c", "#0f766e"


def draw_loss_curve(rows: Sequence[EpochRow], path: Path) -> None:
    """Draw the losses, in nats per word, and CIDEr if it was computed, over the epochs.

    The best epoch is labelled: by CIDEr if it was computed, else by validation loss.
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
        right_axes = axes.twinx()
        right_axes.spines[["top", "left"]].set_visible(False)
        right_axes.set_ylabel("CIDEr of the validation captions", color=CIDER)
        scores = [row.val_cider or 0.0 for row in rows]
        right_axes.plot(epochs, scores, "s-", ms=3.5, label="CIDEr", color=CIDER)
        best = best_row(rows, "cider")
        _label_best(right_axes, best.epoch, best.val_cider or 0.0, CIDER, last=epochs[-1])
    else:
        best = best_row(rows, "loss")
        _label_best(axes, best.epoch, best.val_loss, VALIDATION, last=epochs[-1])
    figure.legend(frameon=False, loc="outside upper center", ncols=3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def _label_best(axes: "Axes", epoch: int, value: float, colour: str, *, last: int) -> None:
    """Label a point with its epoch and value, placed inside the figure at either edge."""
    position = (epoch - 1) / (last - 1) if last > 1 else 0.5
    axes.annotate(
        f"best: epoch {epoch}, {value:.3f}",
        (epoch, value),
        xytext=(0, 18),
        textcoords="offset points",
        ha="left" if position < 0.1 else "right" if position > 0.9 else "center",
        arrowprops={"arrowstyle": "-", "color": colour},
    )
