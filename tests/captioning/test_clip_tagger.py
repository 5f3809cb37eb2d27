"""Tags by tiny CLIP and SigLIP models made here; their weights are random, their formulas not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.encoders.two_towers import KINDS, Kind, save_model
from tushuo.captioning.clip_tagger import NEUTRAL, SENTENCES, ClipTagger, read_words
from tushuo.captioning.evidence import Concept
from tushuo.captioning.tagger import Tagger, load_tagger
from tushuo.concepts.class_words import class_words
from tushuo.encoders.clip import ClipEncoder, load
from tushuo.encoders.resize import resize
from tushuo.errors import DataError, PictureError, SettingError, StoppedError
from tushuo.pictures.pixels import to_pixels

EXAMPLES = Path(__file__).parents[2] / "examples"
CAT, COFFEE = EXAMPLES / "chelsea.jpg", EXAMPLES / "coffee.jpg"
WORDS = ["dog", "red fox", "boat", "photo", "sea"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipEncoder]:
    root = tmp_path_factory.mktemp("models")
    return {kind: load(save_model(root / kind, kind)) for kind in KINDS}


def log_odds(encoder: ClipEncoder, picture: Path, word: str) -> float:
    """Compute the log-odds of a word by the definition, one sentence at a time."""
    square = resize(to_pixels(picture, at_least=encoder.spec.short_side), encoder.spec)
    embedding = encoder(square[None])[0, 0]

    def logit(texts: Sequence[str]) -> float:
        cosines = [float(encoder.captions([text])[0] @ embedding) for text in texts]
        return encoder.scale * float(np.mean(cosines))

    own = logit([sentence.format(word) for sentence in SENTENCES["en"]])
    return own + encoder.bias if encoder.family == "siglip" else own - logit(NEUTRAL["en"])


def same(found: Sequence[Concept], expected: Sequence[Concept]) -> None:
    probabilities = [concept.probability for concept in expected]
    assert [concept.word for concept in found] == [concept.word for concept in expected]
    assert [c.probability for c in found] == pytest.approx(probabilities, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_formula(
    kind: Kind, encoders: dict[str, ClipEncoder]
) -> None:
    tagger = ClipTagger(encoders[kind], WORDS)
    assert isinstance(tagger, Tagger)
    assert tagger.words == tuple(WORDS)
    concepts = tagger.tag(CAT)
    assert {concept.word for concept in concepts} == set(WORDS)
    for concept in concepts:
        expected = 1 / (1 + np.exp(-log_odds(encoders[kind], CAT, concept.word)))
        assert concept.probability == pytest.approx(expected, abs=1e-4)
        assert concept.box is None
        assert concept.rounded()["box"] is None
    probabilities = [concept.probability for concept in concepts]
    assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_other_words_and_pictures_change_nothing(
    kind: Kind, encoders: dict[str, ClipEncoder]
) -> None:
    tagger = ClipTagger(encoders[kind], WORDS)
    cat, bad, coffee = tagger.tag_batch([CAT, b"no picture", COFFEE])
    assert isinstance(bad, PictureError)
    for picture, together in ((CAT, cat), (COFFEE, coffee)):
        assert isinstance(together, list)
        for concept in together:
            (alone,) = ClipTagger(encoders[kind], [concept.word]).tag(picture)
            assert alone.probability == pytest.approx(concept.probability, abs=1e-5)
    assert [len(one) for one in tagger.tag_batch([CAT], most=2) if isinstance(one, list)] == [2]
    assert tagger.tag_batch([]) == []


def test_words_are_embedded_once(
    encoders: dict[str, ClipEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path))
    counts: list[tuple[int, int]] = []

    def tagger(words: list[str], kind: Kind = "siglip") -> ClipTagger:
        return ClipTagger(encoders[kind], words, progress=lambda *count: counts.append(count))

    first = tagger([*WORDS, "dog"])
    assert first.words == tuple(WORDS)
    assert counts == [(18, 18)]  # three sentences of each word, and three of no word
    expected = first.tag(CAT)
    same(tagger(WORDS).tag(CAT), expected)
    assert counts == [(18, 18)]
    tagger(WORDS, "clip")
    tagger(WORDS[::-1])
    assert counts == [(18, 18)] * 3
    for file in (tmp_path / "clip-words").iterdir():
        file.write_bytes(b"damaged")
    same(tagger(WORDS).tag(CAT), expected)
    assert counts == [(18, 18)] * 4
    monkeypatch.setattr(ClipEncoder, "captions", None)
    assert first.tag(CAT) == expected


def test_loaded_by_name(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "clip")
    tagger = load_tagger(f"hf:{folder}", words=WORDS)
    assert isinstance(tagger, ClipTagger)
    assert tagger.words == tuple(WORDS)
    assert load_tagger(f"hf:{folder}").words == tuple(
        dict.fromkeys(word for words in class_words("en") for word in words)
    )
    with pytest.warns(UserWarning, match="most CLIP models have learned from English alone"):
        assert "狗" in load_tagger(f"hf:{folder}", words=["狗", "猫"], language="zh").words


def test_mistakes_are_named(encoders: dict[str, ClipEncoder]) -> None:
    tagger = ClipTagger(encoders["clip"], WORDS)
    with pytest.raises(PictureError, match="does not exist"):
        tagger.tag("gone.jpg")
    with pytest.raises(SettingError, match="most was 0"):
        tagger.tag(CAT, most=0)
    with pytest.raises(SettingError, match="pass a list of pictures"):
        tagger.tag_batch(str(CAT))  # type: ignore[arg-type]
    with pytest.raises(StoppedError):
        tagger.tag_batch([CAT], stop=lambda: True)
    with pytest.raises(SettingError, match=r"does not know 1 of 2 words, such as '狗'"):
        ClipTagger(encoders["siglip"], ["dog", "狗"])
    for words, message in [
        ([], "words was an empty list"),
        (["dog", " "], "a word was empty"),
        ("dog", "words was the text 'dog'"),
    ]:
        with pytest.raises(SettingError, match=message):
            ClipTagger(encoders["clip"], words)
    with pytest.raises(SettingError, match="a concept model has its own"):
        load_tagger(words=["dog"])


def test_a_file_of_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xef\xbb\xbfdog\r\n\n  red fox \r\n")
    assert read_words(path) == ["dog", "red fox"]
    for content, message in [(b"\n", "has no words"), (b"\xff", "it is not UTF-8")]:
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_words(path)
    with pytest.raises(DataError, match=r"cannot be read: No such file"):
        read_words(tmp_path / "gone")


@pytest.mark.gpu
def test_gpu_probabilities_equal_those_of_the_cpu(tmp_path: Path) -> None:
    name = f"hf:{save_model(tmp_path / 'model', 'siglip')}"
    device = str(torch.accelerator.current_accelerator())
    cpu, gpu = (load_tagger(name, words=WORDS, device=one).tag(CAT) for one in ("cpu", device))
    assert [c.probability for c in gpu] == pytest.approx([c.probability for c in cpu], abs=1e-4)
