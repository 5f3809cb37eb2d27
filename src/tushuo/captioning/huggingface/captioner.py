"""A captioning model of transformers that follows the Captioner protocol."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tushuo.captioning.caption import Caption, Explanation, PartialCaption, TokenProbability
from tushuo.captioning.captioner import (
    TOP_WORDS,
    CaptionerInfo,
    Stop,
    only_result,
    raise_if_stopped,
    require_list,
)
from tushuo.captioning.huggingface.cross_attention import attention_of, field_of_view
from tushuo.captioning.huggingface.generation import (
    Generated,
    generate,
    most_pictures,
    require_supported,
)
from tushuo.captioning.huggingface.loading import Loaded, calibration_folder
from tushuo.captioning.huggingface.processors import Inputs, is_padded, prepare
from tushuo.captioning.huggingface.prompts import clean, prompt_of
from tushuo.captioning.huggingface.streaming import Report, Work, stream
from tushuo.captioning.huggingface.words import split_words, words_of
from tushuo.errors import PictureError, RunError, SettingError
from tushuo.pictures.pixels import Picture, to_pixels
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature
from tushuo.text.tokenization import Language
from tushuo.trust.confidence import read_calibrations

END = "<end>"


@final
class HuggingFaceCaptioner:
    """A captioner made of a model of transformers; it follows the `Captioner` protocol.

    Each picture gets the caption that it would get alone: pictures whose inputs would have to be
    padded to one length are captioned one by one, since padding changes what many models write.

    Args:
        loaded: the model.
        language: language of the captions.
        prompt: replaces the family's own prompt; captions are what the model writes after it.

    Raises:
        SettingError: the model cannot caption in this language.
    """

    def __init__(self, loaded: Loaded, *, language: Language = "en", prompt: str | None = None):
        self._loaded, self._language = loaded, language
        self._prompt = prompt_of(loaded.family, language, prompt, loaded.name)
        beams = getattr(loaded.model.generation_config, "num_beams", None) or 1
        self._search = SearchConfig(search="beam", beam_size=beams) if beams > 1 else SearchConfig()
        self._view = field_of_view(loaded.processor)
        self._folder = calibration_folder(loaded.name, loaded.revision)
        self._calibrations = {one.signature: one for one in read_calibrations(self._folder)}
        self._lock = threading.Lock()  # generation sets the seed of the whole process

    @property
    def info(self) -> CaptionerInfo:
        """What it is."""
        return CaptionerInfo(
            name=self._loaded.name,
            language=self._language,
            weights=self._loaded.revision,
            search=self._search,
            device=str(self._loaded.device),
            has_attention=self._loaded.model_type in ("vision-encoder-decoder", "blip"),
            has_confidence=self.signature() in self._calibrations,
            has_familiarity=False,
            calibrations=self._folder,
            card=self._loaded.folder,
        )

    def signature(self, config: SearchConfig | None = None) -> str:
        """Name the model, its exact weights, its prompt and the search."""
        return signature(
            model=self._loaded.name.replace(":", "="),
            revision=self._loaded.revision,
            precision=str(self._loaded.model.dtype).removeprefix("torch."),
            prompt=self._prompt.replace("|", " ").replace(":", "="),
            search=(config or self._search).signature,
        )

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        """Raise an error unless captions of this search have a confidence; see `Captioner`."""
        if self.signature(config) not in self._calibrations:
            known = "for this search" if self._calibrations else "at all"
            raise RunError(
                f"{self._loaded.name} is not calibrated {known}, so its captions have no "
                f"confidence; run: tushuo calibrate DATA --model {self._loaded.name}, with the "
                "same search and prompt"
            )

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        """Caption one picture; see `Captioner`."""
        return only_result(self.caption_batch([picture], config=config, stop=stop))

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        """Return one caption or one error for each picture, in order; see `Captioner`."""
        require_list(pictures)
        config = self._supported(config)
        opened = [self._open(picture, stop) for picture in pictures]
        images = [one for one in opened if not isinstance(one, PictureError)]
        captions = iter(self._caption_images(images, config, stop))
        return [one if isinstance(one, PictureError) else next(captions) for one in opened]

    def stream(
        self, picture: Picture, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        """Caption one picture word by word; see `Captioner`.

        A beam search, and several samples, yield the caption alone.
        """
        work = self._work(self._open_alone(picture), self._supported(config))
        return stream(work, self._partial)

    def explain(
        self,
        picture: Picture,
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Caption one picture, and list the most probable words at each step; see `Captioner`.

        A step lists the first tokens of words, since these models write parts of words.

        Raises:
            SettingError: ``top_words`` is below 1.
        """
        if top_words < 1:
            raise SettingError(f"top_words was {top_words}, but must be at least 1")
        config = self._supported(config)
        inputs = self._inputs([self._open_alone(picture)])
        (found,) = self._generate(inputs, config, None, with_logits=True)
        best, *others = (self._caption(one, inputs, 0, config) for one in found)
        explained = [self._steps(one, top_words, config) for one in found]
        first = self._with_confidence(best, others, self.signature(config))
        return Explanation(
            caption=first,
            steps=explained[0],
            alternatives=tuple(
                Explanation(caption=caption, steps=steps)
                for caption, steps in zip(others, explained[1:], strict=True)
            ),
        )

    def _open(self, picture: Picture, stop: Stop | None) -> Image.Image | PictureError:
        raise_if_stopped(stop)
        try:
            return Image.fromarray(to_pixels(picture))
        except PictureError as error:
            return error

    def _open_alone(self, picture: Picture) -> Image.Image:
        image = self._open(picture, None)
        if isinstance(image, PictureError):
            raise image
        return image

    def _supported(self, config: SearchConfig | None) -> SearchConfig:
        config = config or self._search
        require_supported(config, self._loaded.name)
        return config

    def _caption_images(
        self, images: list[Image.Image], config: SearchConfig, stop: Stop | None
    ) -> list[Caption]:
        captions: list[Caption] = []
        for inputs in self._batches(images, config):
            raise_if_stopped(stop)
            for row, found in enumerate(self._generate(inputs, config, stop)):
                best, *others = (self._caption(one, inputs, row, config) for one in found)
                captions.append(self._with_confidence(best, others, self.signature(config)))
        return captions

    def _inputs(self, images: list[Image.Image]) -> Inputs:
        return prepare(self._loaded, images, self._prompt)

    def _batches(self, images: list[Image.Image], config: SearchConfig) -> Iterator[Inputs]:
        """Yield inputs without padding: of as many pictures as possible, or else of one.

        Samples are drawn picture by picture, so that they do not depend on the batch.
        """
        size = 1 if config.search == "sample" else most_pictures(self._loaded, config)
        for start in range(0, len(images), size):
            together = images[start : start + size]
            inputs = self._inputs(together)
            if is_padded(inputs):
                yield from (self._inputs([image]) for image in together)
            else:
                yield inputs

    def _generate(
        self, inputs: Inputs, config: SearchConfig, stop: Stop | None, **options: Any
    ) -> list[list[Generated]]:
        with self._lock:
            return generate(self._loaded, inputs, config, self._language, stop=stop, **options)

    def _caption(self, one: Generated, inputs: Inputs, row: int, config: SearchConfig) -> Caption:
        tokenizer, most = self._loaded.tokenizer, config.max_words
        text, words = words_of(one.tokens, tokenizer, self._language, most)
        log_probs = [sum(one.log_probs[place] for place in word.tokens) for word in words]
        log_probs += one.log_probs[len(one.tokens) :]
        maps = attention_of(self._loaded, inputs, row, one.tokens)
        attention = None
        if maps is not None and words:
            attention = np.stack([_mean_map(maps, word.tokens or (word.step,)) for word in words])
        return Caption(
            text=text,
            words=tuple(word.text for word in words),
            log_probs=tuple(log_probs),
            attention=attention,
            field_of_view=self._view,
        )

    def _with_confidence(self, best: Caption, others: list[Caption], key: str) -> Caption:
        calibration = self._calibrations.get(key)
        confidence = None
        if calibration is not None:
            confidence = calibration.confidence(best.log_probs, best.attention)
        return replace(best, alternatives=tuple(others), confidence=confidence)

    def _steps(
        self, one: Generated, top_words: int, config: SearchConfig
    ) -> tuple[tuple[TokenProbability, ...], ...]:
        assert one.logits is not None
        _, words = words_of(one.tokens, self._loaded.tokenizer, self._language, config.max_words)
        places = [word.step for word in words]
        places += [len(one.tokens)] if len(one.log_probs) > len(one.tokens) else []
        steps = []
        for place in places:
            probabilities, tokens = one.logits[place].softmax(dim=-1).topk(top_words)
            pairs = zip(probabilities.tolist(), tokens.tolist(), strict=True)
            steps.append(
                tuple(
                    TokenProbability(word=self._token(token), probability=probability)
                    for probability, token in pairs
                )
            )
        return tuple(steps)

    def _token(self, token: int) -> str:
        return clean(self._loaded.tokenizer.decode([token], skip_special_tokens=True)) or END

    def _work(self, image: Image.Image, config: SearchConfig) -> Work:
        alone = config.search in ("greedy", "sample") and config.n_best == 1

        def work(report: Report, stop: Stop) -> Caption:
            inputs = self._inputs([image])
            (found,) = self._generate(inputs, config, stop, report=report if alone else None)
            best, *others = (self._caption(one, inputs, 0, config) for one in found)
            return self._with_confidence(best, others, self.signature(config))

        return work

    def _partial(self, tokens: list[int]) -> PartialCaption:
        text = clean(self._loaded.tokenizer.decode(tokens, skip_special_tokens=True))
        return PartialCaption(text=text, words=tuple(split_words(text, self._language)))


def _mean_map(
    maps: Float[Tensor, "T rows columns"], places: tuple[int, ...]
) -> Float[np.ndarray, "rows columns"]:
    """Return the mean map of a word's tokens."""
    return maps[list(places)].mean(dim=0).cpu().numpy()
