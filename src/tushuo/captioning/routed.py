"""Two captioners behind one: each picture goes to the one that describes its kind better."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.captioning.captioner import TOP_WORDS, CaptionerInfo, Stop, only_result, require_list
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

    Options of the search that differ from the familiar captioner's default apply to both; the other
    options of each are its own. A banned word that only one of them knows is banned there, and a
    required word that only one of them knows decides which captions the picture.

    Args:
        folder: the folder of the model.
        familiar: the captioner trained on captioned pictures.
        general: the captioner that reads concepts.
        route: which pictures go to the general one.
        content: measures the content of a picture, for the route.
        encode: encodes pictures for both.
        spec: how pictures are resized for ``encode``.

    Raises:
        RunError: the familiar captioner has no familiarity, or the route was fitted with another.
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
        if familiar.familiarity_digest is None:
            raise RunError(
                f"{folder} has no familiarity, which decides between its two captioners; run: "
                f"tushuo calibrate DATA --run {folder}"
            )
        if route.calibration != familiar.familiarity_digest:
            raise RunError(
                f"the route of {folder} was fitted with the familiarity {route.calibration}, but "
                f"the folder has {familiar.familiarity_digest}; fit the route again: "
                "python scripts/fit_route.py"
            )
        self.familiar, self.general = familiar, general
        self._captioners = {False: familiar, True: general}
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
        searches = self._searches(config)
        first, second = (
            captioner.signature(searches[is_general])
            for is_general, captioner in self._captioners.items()
        )
        both = [dict(part.split(":", 1) for part in one.split("|")) for one in (first, second)]
        joined = {name: f"{value}+{both[1][name]}" for name, value in both[0].items()}
        search = joined.pop("search")
        return signature(**joined, route=self._route.digest, search=search)

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        """Raise an error unless captions of this search have a confidence; see `Captioner`."""
        searches = self._searches(config)
        for is_general, captioner in self._captioners.items():
            captioner.require_confidence(searches[is_general])

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        """Caption one picture, in any form that `to_pixels` accepts; see `Captioner`."""
        return only_result(self.caption_batch([picture], config=config, stop=stop))

    def caption_batch(
        self,
        pictures: Sequence[Picture | RoutedPicture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        """Return one caption or one error for each picture, in order; see `Captioner`."""
        require_list(pictures)
        searches = self._searches(config)
        results: dict[int, Caption | PictureError] = {}
        groups: dict[bool, dict[int, RoutedPicture]] = {False: {}, True: {}}
        for index, one in enumerate(self.encode(pictures, stop=stop)):
            if isinstance(one, PictureError):
                results[index] = one
            else:
                groups[self._chosen(one, config)][index] = one
        for is_general, group in groups.items():
            captions = self._captioners[is_general].caption_encoded(
                [one.general if is_general else one.familiar for one in group.values()],
                config=searches[is_general],
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
        is_general = self._chosen(encoded, config)
        regions = encoded.general if is_general else encoded.familiar
        return encoded, self._captioners[is_general], regions, self._searches(config)[is_general]

    def _chosen(self, picture: RoutedPicture, config: SearchConfig | None) -> bool:
        """Whether the general captioner captions a picture, by the route and required words."""
        required = config.required_words if config else ()
        is_general = self.is_general(picture)
        able, other = (
            all(self._captioners[which].knows(word) for word in required)
            for which in (is_general, not is_general)
        )
        return is_general if able or not other else not is_general

    def _complete(self, caption: Caption, picture: RoutedPicture) -> Caption:
        """Add what both captioners measure: a picture is as familiar as it is to either."""
        both = (
            self.familiar.familiarity(picture.familiar),
            self.general.familiarity(picture.general),
        )
        values = [value for value in both if value is not None]
        return replace(
            caption, features=picture.general.features, familiarity=max(values, default=None)
        )

    def _searches(self, config: SearchConfig | None) -> dict[bool, SearchConfig | None]:
        """Return the search of each captioner, the general one's under True; None: its default."""
        if config is None:
            return {False: None, True: None}
        return {
            False: _with_known_words(config, self.familiar, self.general),
            True: _with_known_words(self._of_general(config), self.general, self.familiar),
        }

    def _of_general(self, config: SearchConfig) -> SearchConfig:
        """Return the general captioner's own search, with the options that were chosen."""
        usual, own = self.familiar.info.search, self.general.info.search
        chosen: dict[str, Any] = {
            field.name: getattr(config, field.name)
            for field in fields(config)
            if getattr(config, field.name) != getattr(usual, field.name)
        }
        beam_size = max(own.beam_size, chosen.get("n_best", own.n_best))
        if {"search", "groups", "beam_size"} & chosen.keys():
            beam_size = config.beam_size  # which fits the other options
        return replace(own, **chosen | {"beam_size": beam_size})


def _with_known_words(
    config: SearchConfig, captioner: NativeCaptioner, other: NativeCaptioner
) -> SearchConfig:
    """Leave out bans of words that only the other captioner knows."""

    def kept(phrases: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in phrases if captioner.knows(one) or not other.knows(one))

    return replace(
        config,
        banned_words=kept(config.banned_words),
        banned_endings=kept(config.banned_endings),
    )
