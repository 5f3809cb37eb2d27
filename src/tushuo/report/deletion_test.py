"""Figure of a deletion test: log-probability drop by mask, over the share of hidden regions."""

from collections.abc import Sequence
from pathlib import Path

from tushuo.metrics.deletion import HiddenShare
from tushuo.runtime import atomic_write

MASK_STYLES = {  # of each mask: colour, marker, label
    "own": ("#c2410c", "o", "what the word attended to"),
    "other": ("#7c3aed", "s", "what another word attended to"),
    "moved": ("#1f6fb2", "^", "the same shape, shifted"),
    "random": ("#9aa5b1", "d", "random regions"),
}
TITLES = {"all": "all words", "content": "content words"}


def draw_deletion_test(hidden: Sequence[HiddenShare], path: Path) -> None:
    """Draw the mean log-probability drop with its 95 % intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained", dpi=130)
    kinds = list(dict.fromkeys(part.words for part in hidden))
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, words in zip(panels, kinds, strict=True):
        parts = [part for part in hidden if part.words == words]
        for place, (mask, (colour, marker, label)) in enumerate(MASK_STYLES.items()):
            drops = [drop for part in parts for drop in part.drops if drop.mask == mask]
            below = [drop.drop - drop.interval[0] for drop in drops]
            above = [drop.interval[1] - drop.drop for drop in drops]
            shares = [part.share * 100 * (1 + 0.03 * (place - 1.5)) for part in parts]
            axes.errorbar(
                shares,
                [drop.drop for drop in drops],
                [below, above],
                color=colour,
                marker=marker,
                ms=5,
                capsize=3,
                label=label,
            )
        axes.set_title(f"{TITLES[words]}, n = {parts[0].count}", fontsize=10)
        axes.set(xscale="log", xlabel="regions hidden, %")
        ticks = [part.share * 100 for part in parts]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
        axes.axhline(0, color="#9aa5b1", lw=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("log-probability drop, nats")
    panels[0].legend(frameon=False, fontsize=9)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
