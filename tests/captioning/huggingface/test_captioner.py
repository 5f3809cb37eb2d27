"""Models of transformers behind the Captioner protocol: every family, tiny and without network."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.captioning.huggingface.conftest import FAMILIES, Models
from tushuo import load
from tushuo.captioning.caption import Caption, PartialCaption
from tushuo.captioning.captioner import Captioner
from tushuo.captioning.huggingface.captioner import HuggingFaceCaptioner
from tushuo.captioning.huggingface.generation import generate
from tushuo.captioning.huggingface.loading import Loaded
from tushuo.captioning.huggingface.words import words_of
from tushuo.errors import PictureError, RunError, SettingError, StoppedError
from tushuo.search.config import SearchConfig

GREEDY = SearchConfig(max_words=6)
BEAM = SearchConfig(search="beam", beam_size=3, n_best=2, max_words=6)
SAMPLE = SearchConfig(search="sample", n_best=2, seed=3, max_words=6)
SEARCHES = {"greedy": GREEDY, "beam": BEAM, "sample": SAMPLE}
WITH_ATTENTION = ("blip", "vision-encoder-decoder")


def loaded_of(captioner: HuggingFaceCaptioner) -> Loaded:
    return captioner._loaded


def inputs_of(captioner: HuggingFaceCaptioner, pictures: list[np.ndarray]) -> dict[str, Any]:
    return captioner._inputs([Image.fromarray(one) for one in pictures])


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("family", FAMILIES)
def test_batches_equal_singles(
    family: str, search: str, models: Models, noise: list[np.ndarray]
) -> None:
    captioner, config = models.captioner(family), SEARCHES[search]
    together = captioner.caption_batch([*noise, b"no picture"], config=config)
    assert isinstance(together.pop(), PictureError)
    alone = [captioner.caption(one, config=config) for one in noise]
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Caption)
        assert (one.text, one.words) == (other.text, other.words)
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-3)
        assert [a.text for a in one.alternatives] == [a.text for a in other.alternatives]
        assert len(one.alternatives) == config.n_best - 1
        assert 1 <= len(one.words) <= 6
        assert len(one.log_probs) - len(one.words) in (0, 1)
        assert (one.attention is not None) == (family in WITH_ATTENTION)
        if one.attention is not None:
            assert one.attention.shape == (len(one.words), 4, 4)
            np.testing.assert_allclose(one.attention.sum(axis=(1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_log_probabilities_are_those_of_a_forward_pass(
    family: str, models: Models, noise: list[np.ndarray]
) -> None:
    """The whole caption in one pass with teacher forcing, without `generate`."""
    captioner = models.captioner(family)
    loaded, inputs = loaded_of(captioner), inputs_of(captioner, noise[:1])
    for config in (GREEDY, BEAM):
        for one in generate(loaded, inputs, config, "en")[0]:
            logits = forward(loaded, inputs, one.tokens)
            expected = logits.log_softmax(dim=-1)[range(len(one.tokens)), one.tokens]
            special = torch.isin(
                torch.tensor(one.tokens), torch.tensor(loaded.tokenizer.all_special_ids)
            )
            found = torch.tensor(one.log_probs[: len(one.tokens)])
            torch.testing.assert_close(found[~special], expected[~special], atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def forward(loaded: Loaded, inputs: dict[str, Any], tokens: list[int]) -> torch.Tensor:
    """Return the scores before each token of a caption."""
    model, written = loaded.model, torch.tensor([tokens])
    if loaded.model_type == "paligemma":  # whose prompt sees itself in both directions
        output = model(**inputs, use_cache=True)
        rows = [output.logits[0, -1]]
        for token in tokens[:-1]:
            output = model(
                input_ids=torch.tensor([[token]]), past_key_values=output.past_key_values
            )
            rows.append(output.logits[0, -1])
        return torch.stack(rows).float()
    if loaded.model_type == "blip":
        regions = model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state
        begin = torch.tensor([[model.config.text_config.bos_token_id]])
        text = torch.cat([begin, written], dim=1)
        output = model.text_decoder(input_ids=text, encoder_hidden_states=regions)
    elif loaded.model_type in ("vision-encoder-decoder", "pix2struct", "florence2"):
        config = model.generation_config
        begin = torch.tensor([[config.decoder_start_token_id]])
        output = model(**inputs, decoder_input_ids=torch.cat([begin, written], dim=1))
    else:
        start = inputs.get("input_ids")
        if start is None:  # GIT
            start = torch.tensor([[model.config.bos_token_id]])
        text = torch.cat([start, written], dim=1)
        more = {"input_ids": text, "attention_mask": torch.ones_like(text)}
        for name in ("token_type_ids", "mm_token_type_ids", "image_embeds_position_mask"):
            if name in inputs:
                zeros = torch.zeros_like(written).to(inputs[name].dtype)
                more[name] = torch.cat([inputs[name], zeros], dim=1)
        output = model(**{**inputs, **more})
    logits: torch.Tensor = output.logits[0].float()
    return logits[-len(tokens) - 1 : -1]


@pytest.mark.parametrize("family", FAMILIES)
def test_beam_search_is_that_of_generate(
    family: str, models: Models, noise: list[np.ndarray]
) -> None:
    captioner = models.captioner(family)
    loaded, inputs = loaded_of(captioner), inputs_of(captioner, noise[:1])
    config = SearchConfig(search="beam", beam_size=3, max_words=4, length_norm="sum")
    sequences = loaded.model.generate(
        **inputs, num_beams=3, do_sample=False, max_new_tokens=12, max_length=None,
        length_penalty=0.0, early_stopping=False, no_repeat_ngram_size=0, min_new_tokens=1,
    )  # fmt: skip
    prompt = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
    texts = [
        loaded.tokenizer.decode(sequences[0, cut:], skip_special_tokens=True) for cut in (0, prompt)
    ]
    (found,) = generate(loaded, inputs, config, "en")
    text, words = words_of(found[0].tokens, loaded.tokenizer, "en")
    if len(words) <= 4:  # else our limit of words ended it earlier
        assert text in [" ".join(one.split()) for one in texts]


@pytest.mark.parametrize("family", ["blip", "git", "florence2", "smolvlm"])
def test_lengths_and_words(family: str, models: Models, noise: list[np.ndarray]) -> None:
    captioner = models.captioner(family)
    first = captioner.caption(noise[0], config=SearchConfig(max_words=3, min_words=3))
    assert len(first.words) == 3
    banned = first.words[0]
    other = captioner.caption(noise[0], config=SearchConfig(max_words=3, banned_words=(banned,)))
    assert banned not in other.words
    ending = captioner.caption(noise[0], config=SearchConfig(max_words=9))
    if len(ending.log_probs) > len(ending.words) and len(ending.words) < 9:  # not cut
        config = SearchConfig(max_words=9, banned_endings=(ending.words[-1].casefold(),))
        assert captioner.caption(noise[0], config=config).words != ending.words


@pytest.mark.parametrize("family", ["blip", "vision-encoder-decoder", "qwen2_vl"])
def test_stream_and_explain(family: str, models: Models, noise: list[np.ndarray]) -> None:
    captioner = models.captioner(family)
    *partial, last = captioner.stream(noise[0], config=GREEDY)
    expected = captioner.caption(noise[0], config=GREEDY)
    assert isinstance(last, Caption)
    assert (last.text, last.log_probs) == (expected.text, expected.log_probs)
    assert partial
    assert all(isinstance(one, PartialCaption) for one in partial)
    assert [type(one) for one in captioner.stream(noise[0], config=BEAM)] == [Caption]
    explained = captioner.explain(noise[0], config=BEAM, top_words=3)
    assert explained.caption.text == captioner.caption(noise[0], config=BEAM).text
    for one in (explained, *explained.alternatives):
        assert len(one.steps) == len(one.caption.log_probs)
        for step in one.steps:
            shares = [word.probability for word in step]
            assert len(shares) == 3
            assert shares == sorted(shares, reverse=True)
    with pytest.raises(SettingError, match="top_words was 0"):
        captioner.explain(noise[0], top_words=0)


def test_stop_and_closed_streams(models: Models, noise: list[np.ndarray]) -> None:
    captioner = models.captioner("git")
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(StoppedError, match="between two decoding steps"):
        captioner.caption(noise[0], stop=stop)
    with pytest.raises(StoppedError, match="before pictures"):
        captioner.caption_batch(noise[:1], stop=lambda: True)
    before = threading.active_count()
    stream = captioner.stream(noise[0], config=SearchConfig(max_words=40))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    with pytest.raises(PictureError):
        captioner.stream(b"no picture")


def test_signature_and_info(models: Models) -> None:
    captioner = models.captioner("blip")
    assert isinstance(captioner, Captioner)
    info = captioner.info
    assert info.name == f"hf:{models.folder('blip')}"
    assert (info.language, info.has_attention, info.has_confidence) == ("en", True, False)
    assert len(info.weights) == 16
    assert f"revision:{info.weights}" in captioner.signature()
    assert "precision:float32" in captioner.signature()
    other = load(info.name, prompt="a picture of")
    assert captioner.signature() != other.signature()
    assert captioner.signature() != captioner.signature(BEAM)
    with pytest.raises(RunError, match="is not calibrated"):
        captioner.require_confidence()


def test_languages_and_prompts(models: Models, noise: list[np.ndarray]) -> None:
    chat = load(f"hf:{models.folder('smolvlm')}", language="zh")
    assert "用一句简短的中文" in chat.signature()
    caption = chat.caption(noise[0], config=GREEDY)
    assert all(" " not in word for word in caption.words)
    with pytest.raises(SettingError, match=r"captions in English, but Chinese was requested"):
        load(f"hf:{models.folder('blip')}", language="zh")
    asked = load(f"hf:{models.folder('smolvlm')}", prompt="What colour is it?")
    assert "What colour is it?" in asked.signature()
    assert asked.caption(noise[0], config=GREEDY).text
    continued = load(f"hf:{models.folder('blip')}", prompt="a dog")
    text = continued.caption(noise[0], config=GREEDY).text
    assert text
    assert not text.startswith("a dog")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SearchConfig(search="diverse"), "--search diverse is not available"),
        (SearchConfig(search="consensus"), "--search consensus is not available"),
        (SearchConfig(search="beam", length_norm="gnmt"), "--length-norm gnmt is not available"),
        (SearchConfig(search="beam", required_words=("dog",)), "--required-words is not available"),
        (SearchConfig(no_immediate_repeat=True), "--no-immediate-repeat is not available"),
    ],
)
def test_searches_that_models_cannot_do(
    config: SearchConfig, message: str, models: Models, noise: list[np.ndarray]
) -> None:
    captioner = models.captioner("blip")
    for method in (captioner.caption, captioner.stream, captioner.explain):
        with pytest.raises(SettingError, match=message):
            method(noise[0], config=config)  # type: ignore[operator]


def test_a_picture_by_path(models: Models, noise: list[np.ndarray], tmp_path: Path) -> None:
    Image.fromarray(noise[0]).save(tmp_path / "a.png")
    captioner = models.captioner("git")
    by_path = captioner.caption(tmp_path / "a.png", config=GREEDY)
    assert by_path.text == captioner.caption(noise[0], config=GREEDY).text
    with pytest.raises(PictureError):
        captioner.caption(tmp_path / "gone.png")
