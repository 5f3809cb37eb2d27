"""The models that come with the package, on free photographs; a folder a language."""

from pathlib import Path

import numpy as np
import pytest

import tushuo
from tushuo.captioning.load import GENERAL
from tushuo.captioning.tagger import load_tagger
from tushuo.models import FOLDER
from tushuo.runs.run import read_config
from tushuo.runtime import sha256
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import LANGUAGES, Language, language_of
from tushuo.trust.confidence import read_calibrations

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))
MOST_BYTES = 30_000_000  # both models together

pytestmark = pytest.mark.skipif(
    not any((FOLDER / language).exists() for language in LANGUAGES),
    reason="no model comes with this version yet",
)


def test_both_languages_are_there_and_small() -> None:
    assert all((FOLDER / language / "best.safetensors").exists() for language in LANGUAGES)
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_captions_free_photographs(language: Language) -> None:
    captions = tushuo.load(language=language).caption_batch(EXAMPLES)
    assert len({caption.text for caption in captions}) >= len(EXAMPLES) - 1
    for caption in captions:
        assert 3 <= len(caption.words) <= 20, caption.text
        assert "<unk>" not in caption.text
        assert language_of(caption.words) == language
    out_of_distribution = [
        path.stem
        for path, caption in zip(EXAMPLES, captions, strict=True)
        if caption.out_of_distribution
    ]
    assert out_of_distribution == ["chelsea", "rocket"]  # the face of a cat, a launch


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", {"chelsea": "cat", "coffee": "coffee"}), ("zh", {"chelsea": "猫", "coffee": "杯子"})],
)
def test_tags_name_the_object(language: Language, words: dict[str, str]) -> None:
    tagger = load_tagger(language=language)
    for name, word in words.items():
        concepts = tagger.tag(EXAMPLES[0].with_stem(name), most=3)
        assert word in [concept.word for concept in concepts]
    assert 500 < len(tagger.words) < 2000


@pytest.mark.parametrize(
    "config",
    [SearchConfig(search="sample", n_best=3, seed=4), SearchConfig(search="consensus", n_best=2)],
    ids=lambda config: config.search,
)
def test_a_seed_repeats_what_a_picture_gets_whatever_stands_beside_it(config: SearchConfig) -> None:
    captioner = tushuo.load()
    alone = [captioner.caption(picture, config=config) for picture in EXAMPLES]
    ensemble = captioner.caption_batch([*EXAMPLES[::-1], EXAMPLES[0]], config=config)
    for one, other in zip([*alone[::-1], alone[0]], ensemble, strict=True):
        texts = ([caption.text for caption in (of, *of.alternatives)] for of in (one, other))
        assert next(texts) == next(texts)
        # rounding moves regions by up to 1e-4 (tests/encoders), and each of some ten words likewise
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3)
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-4)


def scores_of(language: Language) -> str:
    """Return what scripts/model_card.py wrote into a model's card."""
    card = (FOLDER / language / "README.md").read_text(encoding="utf-8")
    return card.split("<!-- scores, by scripts/model_card.py -->")[1].split("<!-- end of")[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_has_the_scores_of_its_model(language: Language) -> None:
    configs = [read_config(FOLDER / language / folder) for folder in (".", GENERAL)]
    runs = "+".join(sha256(config.signature.encode())[:16] for config in configs)
    searches = "+".join(config.search.signature for config in configs)
    assert f"|run:{runs}|search:{searches}`" in scores_of(language)


@pytest.mark.parametrize(
    ("language", "row", "names"),
    [
        ("en", "| **English", ["Bleu_1", "Bleu_4", "METEOR", "CIDEr"]),
        ("zh", "| **Chinese", ["Bleu_1", "Bleu_4", "CIDEr"]),
    ],
)
def test_a_card_and_the_docs_have_the_same_figures(
    language: Language, row: str, names: list[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith(row))
    figures = [float(cell.split()[0]) for cell in line.split("|")[2:] if cell.strip()]
    card = {
        name: float(value)
        for name, value, *_ in (
            [cell.strip() for cell in of.split("|")[1:-1]]
            for of in scores_of(language).splitlines()
            if "0." in of and of.startswith("|")
        )
    }
    shares = [round(1000 * card[name]) for name in ("different", "commonest", "unfinished")]
    assert figures == [*(card[name] for name in names), *shares]


def test_the_docs_state_the_reliability_of_confidence() -> None:
    """docs/explaining.md, of both models, from what calibrate kept in them."""
    page = (Path(__file__).parents[2] / "docs" / "explaining.md").read_text(encoding="utf-8")
    rows, held = (
        page.splitlines(),
        [read_calibrations(FOLDER / name)[-1].held_out for name in ("en", "zh")],
    )
    figures = [
        f"{of.auroc:.3f} ({of.auroc_interval[0]:.3f} to {of.auroc_interval[1]:.3f})" for of in held
    ]
    assert f"| AUROC | {' | '.join(figures)} |" in rows
    for pair in zip(*(of.answered for of in held), strict=True):
        shares = [
            f"{of.pictures / 500:.1%}, {of.fitting or 0:.1%}".replace("%", " %") for of in pair
        ]
        assert f"| {pair[0].at_least} | {' | '.join(shares)} |" in rows
    for name, of in zip(("English", "Chinese"), held, strict=True):
        risks = " | ".join(
            f"{of.risk[n - 1]:.1%}".replace("%", " %") for n in (10, 25, 50, 75, 100)
        )
        assert f"| {name} | {risks} |" in rows
        for what in ("confidence", "fitting"):
            bins = " | ".join(f"{getattr(one, what):.2f}" for one in of.bins)
            word = {"confidence": "stated", "fitting": "fits"}[what]
            assert f"| {name}, {word} | {bins} |" in rows
