"""Recipes: the docs tell what each chooses."""

from dataclasses import fields
from pathlib import Path

import pytest

from tushuo.training.config import TrainConfig
from tushuo.training.recipes import RECIPES

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
CHOSEN = {name: recipe().plan.training for name, recipe in RECIPES.items()}
ALONE = TrainConfig()


def told(value: object) -> str:
    return "" if value in (None, 0) else str(value)


@pytest.mark.parametrize("name", [field.name for field in fields(TrainConfig)])
def test_the_docs_tell_what_recipes_choose(name: str) -> None:
    own, chosen = getattr(ALONE, name), [getattr(one, name) for one in CHOSEN.values()]
    cells = ["" if value == own else told(value) or "off" for value in chosen]
    flag = f"`--{name.replace('_', '-')}`"
    row = f"| {flag} | {' | '.join([told(own), *cells])} |"
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {flag} |")]
    assert rows == ([row] if any(cells) else [])


def test_a_recipe_says_what_it_costs_and_scores() -> None:
    for recipe in RECIPES.values():
        said = recipe.__doc__ or ""
        assert "docs/results.md" in said
        assert "CIDEr" in said
        assert "minutes" in said or "seconds" in said
