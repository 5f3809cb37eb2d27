"""Recipes: the documentation lists the choices of each."""

from dataclasses import fields
from pathlib import Path

import pytest

from tushuo.training.config import TrainConfig
from tushuo.training.recipes import RECIPES

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
SETTINGS = {name: recipe().plan.training for name, recipe in RECIPES.items()}
DEFAULTS = TrainConfig()


def cell(value: object) -> str:
    return "" if value in (None, 0) else str(value)


@pytest.mark.parametrize("name", [field.name for field in fields(TrainConfig)])
def test_the_docs_list_the_choices_of_recipes(name: str) -> None:
    default = getattr(DEFAULTS, name)
    values = [getattr(settings, name) for settings in SETTINGS.values()]
    cells = ["" if value == default else cell(value) or "off" for value in values]
    flag = f"`--{name.replace('_', '-')}`"
    row = f"| {flag} | {' | '.join([cell(default), *cells])} |"
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {flag} |")]
    assert rows == ([row] if any(cells) else [])


def test_a_recipe_documents_its_costs_and_scores() -> None:
    for recipe in RECIPES.values():
        text = recipe.__doc__ or ""
        assert "docs/results.md" in text
        assert "CIDEr" in text
        assert "minutes" in text or "seconds" in text
