"""Two captioners behind one: each picture goes to the one that describes its kind better."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.captioning.captioner import TOP_WORDS, CaptionerInfo, Stop, require_list
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import Encode, PictureRegions, encode_pictures
from tushuo.captioning.route import ContentRatio, Route
from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import PictureError, RunError
from tushuo.pictures.pixels import Picture
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature


@dataclass(frozen=True)
class RoutedPicture:
    """What both captioners read of a picture; a `RoutedCaptioner` takes it as a picture."""

    familiar: PictureRegions
    general: PictureRegions


@final
class RoutedCaptioner:
    """A captioner of familiar pictures and a general one; it follows the `Captioner` protocol.

    Options of the search that differ from the familiar captioner's default apply to both.

    Args:
        folder: the folder of the model.
        familiar: the captioner trained on captioned pictures.
        general: the captioner that reads concepts.
        route: which pictures go to the general one.
        content: measures the content of a picture, for the route.
        encode: encodes pictures for both.
        spec: how pictures are resized for ``encode``.

    Raises:
        RunError: the familiar captioner knows no familiarity.
    """

    def __init__(
        self,
        folder: Path,
        *,
        familiar: NativeCaptioner,
        general: NativeCaptioner,
        route: Route,
        content: ContentRatio,
        encode: Encode[RoutedPicture],
        spec: EncoderSpec,
    ):
        if not familiar.info.has_familiarity:
            raise RunError(
                f"{folder} has no familiarity, which decides between its two captioners; run: "
                f"tushuo calibrate DATA --run {folder}"
            )
        self.familiar, self.general = familiar, general
        self._folder, self._route, self._content = folder, route, content
        self._encode, self._spec = encode, spec

    @cached_property
    def info(self) -> CaptionerInfo:
        """What it is; the search is that of familiar pictures."""
        familiar, general = self.familiar.info, self.general.info
        return replace(
            familiar,
            name=str(self._folder),
            weights=f"{familiar.weights}+{general.weights}",
            has_confidence=familiar.has_confidence and general.has_confidence,
            encoder=general.encoder,
            folder=self._folder,
        )

    def signature(self, config: SearchConfig | None = None) -> str:
        """Name both runs, their exact weights, the route and the searches."""
        first, second = self.familiar.signature(config), self.general.signature(self._other(config))
        both = [dict(part.split(":", 1) for part in one.split("|")) for one in (first, second)]
        joined = {name: f"{value}+{both[1][name]}" for name, value in both[0].items()}
        search = joined.pop("search")
        return signature(**joined, route=self._route.digest, search=search)

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        """Raise an error unless captions of this search have a confidence; see `Captioner`."""
        self.familiar.require_confidence(config)
        self.general.require_confidence(self._other(config))

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        """Caption one picture, in any form that `to_pixels` accepts; see `Captioner`."""
        (caption,) = self.caption_batch([picture], config=config, stop=stop)
        if isinstance(caption, PictureError):
            raise caption
        return caption

    def caption_batch(
        self,
        pictures: Sequence[Picture | RoutedPicture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        """Return one caption or one error for each picture, in order; see `Captioner`."""
        require_list(pictures)
        results: dict[int, Caption | PictureError] = {}
        groups: dict[bool, dict[int, RoutedPicture]] = {False: {}, True: {}}
        for index, one in enumerate(self.encode(pictures, stop=stop)):
            if isinstance(one, PictureError):
                results[index] = one
            else:
                groups[self.is_general(one)][index] = one
        for is_general, group in groups.items():
            captioner = self.general if is_general else self.familiar
            captions = captioner.caption_encoded(
                [one.general if is_general else one.familiar for one in group.values()],
                config=self._other(config) if is_general else config,
                stop=stop,
            )
            for (index, one), caption in zip(group.items(), captions, strict=True):
                results[index] = self._complete(caption, one)
        return [results[index] for index in range(len(pictures))]

    def stream(
        self, picture: Picture | RoutedPicture, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        """Caption one picture word by word; see `Captioner`."""
        encoded, captioner, regions, own = self._choose(picture, config)
        parts = captioner.stream(regions, config=own)
        return (
            self._complete(part, encoded) if isinstance(part, Caption) else part for part in parts
        )

    def explain(
        self,
        picture: Picture | RoutedPicture,
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Caption one picture, and list the most probable words at each step; see `Captioner`."""
        encoded, captioner, regions, own = self._choose(picture, config)
        explanation = captioner.explain(regions, config=own, top_words=top_words)
        used = (own or captioner.info.search).search
        return replace(
            explanation, caption=self._complete(explanation.caption, encoded), search=used
        )

    def encode(
        self, pictures: Sequence[Picture | RoutedPicture], *, stop: Stop | None = None
    ) -> list[RoutedPicture | PictureError]:
        """Return what both captioners read of each picture, or its error; see also `Stop`."""
        return encode_pictures(
            self._spec, self._encode, pictures, encoded_type=RoutedPicture, stop=stop
        )

    def measures(self, picture: RoutedPicture) -> tuple[float, float]:
        """Return the familiarity and the content's log-likelihood ratio of a picture."""
        familiarity = self.familiar.familiarity(picture.familiar)
        evidence = picture.general.evidence
        assert familiarity is not None
        assert evidence is not None
        return familiarity, self._content(evidence.log_ratios)

    def is_general(self, picture: RoutedPicture) -> bool:
        """Whether the general captioner describes a picture."""
        return self._route.score(*self.measures(picture)) < 0

    def _choose(
        self, picture: Picture | RoutedPicture, config: SearchConfig | None
    ) -> tuple[RoutedPicture, NativeCaptioner, PictureRegions, SearchConfig | None]:
        (encoded,) = self.encode([picture])
        if isinstance(encoded, PictureError):
            raise encoded
        if self.is_general(encoded):
            return encoded, self.general, encoded.general, self._other(config)
        return encoded, self.familiar, encoded.familiar, config

    def _complete(self, caption: Caption, picture: RoutedPicture) -> Caption:
        """Replace what both captioners measure: a picture is familiar where it is to either."""
        known = (self.familiar.familiarity(picture.familiar), caption.familiarity)
        other = self.general.familiarity(picture.general)
        values = [value for value in (*known, other) if value is not None]
        return replace(
            caption, features=picture.general.features, familiarity=max(values, default=None)
        )

    def _other(self, config: SearchConfig | None) -> SearchConfig | None:
        """Return the general captioner's search: its own, with the options that were chosen."""
        usual = self.familiar.info.search
        if config is None or config == usual:
            return None
        own = self.general.info.search
        names = [field.name for field in fields(config)]
        chosen: dict[str, Any] = {
            name: getattr(config, name)
            for name in names
            if getattr(config, name) != getattr(usual, name)
        }
        n_best = chosen.get("n_best", own.n_best)
        beam_size = chosen.get("beam_size", max(own.beam_size, n_best))
        return replace(own, **chosen | {"beam_size": beam_size})
