"""What hiding does to words, as PNG: a line a mask, over the share of regions that is hidden."""

from collections.abc import Sequence
from pathlib import Path

from tushuo.metrics.deletion import HiddenShare
from tushuo.runtime import atomic_write

LOOKS = {  # of each mask: colour, marker, what it is called
    "own": ("#c2410c", "o", "what the word looked at"),
    "other": ("#7c3aed", "s", "what another word looked at"),
    "moved": ("#1f6fb2", "^", "the same shape elsewhere"),
    "random": ("#9aa5b1", "d", "scattered at random"),
}
TITLES = {"all": "all words", "content": "all but function words"}


def draw_deletion_test(found: Sequence[HiddenShare], path: Path) -> None:
    """Draw the mean fall of log-probability with its 95 % intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained", dpi=130)
    kinds = list(dict.fromkeys(part.words for part in found))
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, words in zip(panels, kinds, strict=True):
        parts = [part for part in found if part.words == words]
        for place, (mask, (colour, marker, told)) in enumerate(LOOKS.items()):
            falls = [one for part in parts for one in part.drops if one.mask == mask]
            below = [one.drop - one.interval[0] for one in falls]
            above = [one.interval[1] - one.drop for one in falls]
            shares = [part.share * 100 * (1 + 0.03 * (place - 1.5)) for part in parts]
            axes.errorbar(
                shares,
                [one.drop for one in falls],
                [below, above],
                color=colour,
                marker=marker,
                ms=5,
                capsize=3,
                label=told,
            )
        axes.set_title(f"{TITLES[words]}, n = {parts[0].count}", fontsize=10)
        axes.set(xscale="log", xlabel="regions hidden, %")
        ticks = [part.share * 100 for part in parts]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
        axes.axhline(0, color="#9aa5b1", lw=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("fall of log-probability, nats")
    panels[0].legend(frameon=False, fontsize=9)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
