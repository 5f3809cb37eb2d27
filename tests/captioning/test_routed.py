"""The model of two captioners that comes with the package, on free photographs."""

from dataclasses import replace
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest

import tushuo
from tushuo.captioning.caption import Caption, PartialCaption
from tushuo.captioning.captioner import Captioner
from tushuo.captioning.load import load_native
from tushuo.captioning.routed import RoutedCaptioner, RoutedPicture
from tushuo.errors import PictureError, RunError, SettingError, StoppedError
from tushuo.models import shipped

EXAMPLES = Path(__file__).parents[2] / "examples"
CAT, COFFEE, ASTRONAUT = (EXAMPLES / f"{name}.jpg" for name in ("chelsea", "coffee", "astronaut"))


@pytest.fixture(scope="module")
def captioner() -> RoutedCaptioner:
    captioner = tushuo.load()
    assert isinstance(captioner, RoutedCaptioner)
    return captioner


def test_it_follows_the_protocol(captioner: RoutedCaptioner) -> None:
    assert isinstance(captioner, Captioner)
    info = captioner.info
    assert (info.language, info.has_attention, info.has_familiarity) == ("en", True, True)
    assert info.folder == shipped("en")
    first, second = captioner.familiar.info, captioner.general.info
    assert info.weights == f"{first.weights}+{second.weights}"
    assert captioner.signature().count("|") == first_bars(captioner) + 1
    assert f"search:{first.search.signature}+{second.search.signature}" in captioner.signature()


def first_bars(captioner: RoutedCaptioner) -> int:
    """Return the number of bars in the signature of the familiar captioner."""
    return captioner.familiar.signature().count("|")


def test_pictures_go_to_the_captioner_of_their_kind(captioner: RoutedCaptioner) -> None:
    cat, person = captioner.encode([CAT, ASTRONAUT])
    assert isinstance(cat, RoutedPicture)
    assert isinstance(person, RoutedPicture)
    assert captioner.is_general(cat)
    general = captioner.general.caption_encoded([cat.general])[0]
    assert captioner.caption(CAT).text == general.text
    assert "cat" in general.words
    for one in (cat, person):
        chosen = captioner.general if captioner.is_general(one) else captioner.familiar
        regions = one.general if captioner.is_general(one) else one.familiar
        (alone,) = chosen.caption_encoded([regions])
        (routed,) = captioner.caption_batch([one])
        assert isinstance(routed, Caption)
        assert (routed.text, routed.confidence) == (alone.text, alone.confidence)


def test_the_shared_trunk_gives_the_regions_of_both_encoders(captioner: RoutedCaptioner) -> None:
    (both,) = captioner.encode([CAT])
    assert isinstance(both, RoutedPicture)
    (own,) = load_native(shipped("en")).encode([CAT])
    assert not isinstance(own, PictureError)
    np.testing.assert_allclose(both.familiar.regions, own.regions, atol=1e-4)
    (general,) = captioner.general.encode([CAT])
    assert not isinstance(general, PictureError)
    np.testing.assert_allclose(both.general.regions, general.regions, atol=1e-3)


def test_each_picture_has_its_caption_or_its_error(captioner: RoutedCaptioner) -> None:
    pictures = [b"no picture", CAT, ASTRONAUT, COFFEE]
    bad, *others = captioner.caption_batch(pictures)
    assert isinstance(bad, PictureError)
    for picture, caption in zip(pictures[1:], others, strict=True):
        assert isinstance(caption, Caption)
        alone = captioner.caption(picture)
        assert alone.text == caption.text
        assert caption.familiarity is not None
        assert len(caption.evidence) == len(caption.words)
        assert caption.concepts
        assert caption.features is not None
        assert np.linalg.norm(caption.features) == pytest.approx(1)
    assert captioner.caption_batch([]) == []
    with pytest.raises(PictureError):
        captioner.caption(b"no picture")


def test_words_have_their_evidence(captioner: RoutedCaptioner) -> None:
    caption = captioner.caption(CAT)
    cat = caption.evidence[caption.words.index("cat")]
    assert cat.kind == "seen"
    assert caption.concepts[0].word == "cat"
    assert caption.likely_concepts == ["cat"]


@pytest.mark.parametrize("picture", [CAT, ASTRONAUT])
def test_a_stream_and_an_explanation_end_with_the_caption(
    captioner: RoutedCaptioner, picture: Path
) -> None:
    *parts, last = captioner.stream(picture)
    assert all(isinstance(part, PartialCaption) for part in parts)
    caption, explained = captioner.caption(picture), captioner.explain(picture)
    assert explained.search == ("beam" if picture == CAT else "consensus")
    for one in (last, explained.caption):
        assert isinstance(one, Caption)
        assert (one.text, one.familiarity) == (caption.text, caption.familiarity)
        assert one.evidence == caption.evidence
    with pytest.raises(PictureError):
        captioner.explain(b"no picture")


def test_options_that_were_chosen_apply_to_both(captioner: RoutedCaptioner) -> None:
    usual = captioner.info.search
    assert captioner.caption(CAT, config=usual).text == captioner.caption(CAT).text
    three = captioner.caption(CAT, config=replace(usual, n_best=3))
    assert len(three.alternatives) == 2
    greedy = captioner.caption(CAT, config=replace(usual, search="greedy"))
    native = captioner.general
    own = native.caption(CAT, config=replace(native.info.search, search="greedy"))
    assert greedy.text == own.text
    twelve = captioner.caption(CAT, config=replace(usual, n_best=12, beam_size=12))
    assert len(twelve.alternatives) == 11


def test_valid_options_of_one_are_valid_for_both(captioner: RoutedCaptioner) -> None:
    usual = captioner.info.search
    diverse = replace(usual, search="diverse", groups=5)
    assert captioner.caption(CAT, config=diverse).words
    chinese = tushuo.load(language="zh")
    groups = replace(chinese.info.search, search="diverse", groups=4)
    assert chinese.caption(CAT, config=groups).words


def test_words_that_only_one_knows(captioner: RoutedCaptioner) -> None:
    usual = captioner.info.search
    first, second = captioner.familiar, captioner.general
    assert first.knows("crocodile") != second.knows("crocodile")
    assert first.knows("backhand") != second.knows("backhand")
    banned = replace(usual, banned_words=("crocodile", "backhand", "cat"))
    captions = captioner.caption_batch([CAT, ASTRONAUT], config=banned)
    for caption in captions:
        assert isinstance(caption, Caption)
        assert "cat" not in caption.words
    with pytest.raises(SettingError, match="'gooose' is not in the run's vocabulary"):
        captioner.caption(CAT, config=replace(usual, banned_words=("gooose",)))
    for picture, word in ((CAT, "crocodile"), (ASTRONAUT, "backhand")):
        config = replace(usual, required_words=(word,), search="beam")
        assert word in captioner.caption(picture, config=config).words


def test_stop_cancels(captioner: RoutedCaptioner) -> None:
    with pytest.raises(StoppedError):
        captioner.caption_batch([CAT], stop=lambda: True)


def test_a_model_without_familiarity_is_refused(tmp_path: Path) -> None:
    folder = Path(copytree(shipped("en"), tmp_path / "model"))
    (folder / "familiarity.safetensors").unlink()
    with pytest.raises(RunError, match="has no familiarity, which decides between"):
        tushuo.load(folder)
    copy(shipped("zh") / "familiarity.safetensors", folder)
    with pytest.raises(RunError, match=r"was fitted with the familiarity .*; fit the route again"):
        tushuo.load(folder)
    (folder / "general" / "route.json").unlink()
    assert not isinstance(tushuo.load(folder), RoutedCaptioner)
