"""The loss curve as PNG."""

from collections.abc import Sequence
from pathlib import Path

from tushuo.runtime import atomic_write
from tushuo.train.checkpoint import EpochRow


def draw_loss_curve(rows: Sequence[EpochRow], path: Path) -> None:
    """Draw training and validation loss, in nats per word, over the epochs; mark the best."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4.2), layout="constrained", dpi=130)
    axes = figure.add_subplot()
    epochs = [row.epoch for row in rows]
    for losses, name, colour in (
        ([row.train_loss for row in rows], "training", "#9aa5b1"),
        ([row.val_loss for row in rows], "validation", "#c2410c"),
    ):
        axes.plot(epochs, losses, "o-", ms=3.5, label=name, color=colour)
    best = min(rows, key=lambda row: row.val_loss)
    axes.annotate(
        f"best: epoch {best.epoch}, {best.val_loss:.3f}",
        (best.epoch, best.val_loss),
        xytext=(0, 18),
        textcoords="offset points",
        ha="center",
        arrowprops={"arrowstyle": "-", "color": "#c2410c"},
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss, nats per word")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
