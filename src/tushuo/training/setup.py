"""From records and regions to a training: words, ids, decoder, run folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch

from tushuo.data.record import Record
from tushuo.decoders import settings_of
from tushuo.decoders.base import Decoder
from tushuo.encoders.spec import OWN
from tushuo.encoders.split_encoder import save_head
from tushuo.errors import DataError, SettingError
from tushuo.features.regions import Regions
from tushuo.features.views import MIRRORED, choose_views
from tushuo.runs.run import Run, RunConfig, build_decoder, create_run, read_split, write_split
from tushuo.runtime import sha256
from tushuo.search.config import SearchConfig
from tushuo.signatures import require_same
from tushuo.text.tokenization import TokenizerName, tokenize
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig
from tushuo.training.attention_regularization import Attended
from tushuo.training.batches import Example
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers

# Words that a mirrored picture makes wrong; jieba and characters both give the single ones.
SIDED = frozenset(["left", "right", "左", "右", "左边", "右边", "左侧", "右侧", "左手", "右手"])


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """All choices of a training."""

    tokenizer: Annotated[TokenizerName, "how captions become words"] = "words"
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    decoder: Annotated[str, "name of the decoder"] = "show_attend_gru"
    decoder_settings: dict[str, int | float | str | None] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """Everything that a training begins with.

    Attributes:
        training, validation: examples of the two splits.
        watched: rows of validation pictures, in the data's order, to be captioned after each epoch.
        names: their image ids.
    """

    config: RunConfig
    vocabulary: Vocabulary
    decoder: Decoder
    training: list[Example]
    validation: list[Example]
    watched: list[int]
    names: list[int | str]


Spoken = tuple[Record, list[list[str]]]
"""A record, and its captions as words."""


def start(
    records: Sequence[Record],
    regions: Regions,
    folder: Path,
    config: TrainingPlan,
    *,
    before: Run | None = None,
    teachers: Teachers | None = None,
) -> TrainingSetup:
    """Fit the words on the training captions, make a decoder, and begin the run folder.

    Args:
        records: with a split each.
        regions: where each picture's regions are; pictures without any are left out.
        folder: the run folder.
        config: all choices.
        before: a run whose words and weights are gone on from.
        teachers: runs that are learned from beside people.

    Raises:
        DataError: nothing is left to train or to validate on, or the run before or a teacher has
            learned from pictures that would be validated on.
        RunError: the folder holds another run.
        SettingError: there is no such decoder or setting, a run to go on from is wanted, a decoder
            that tells where it looks, or no teachers beside a reward.
        SignatureError: the run before looked through another encoder, or the teachers have other
            words or another store.
    """
    _require_speakable(regions, config, before, teachers)
    spoken = _spoken(records, regions, config.tokenizer)
    if before is None:
        words = (caption for _, captions in spoken["train"] for caption in captions)
        vocabulary = Vocabulary.fit(words, config.vocabulary)
    else:
        _require_fit(before, regions, _ids(spoken["val"]))
        vocabulary = before.vocabulary
    if teachers is not None:
        teachers.require_fit(config.tokenizer, vocabulary, regions.signature)
        _require_unseen(teachers.runs, _ids(spoken["val"]), "let runs teach that share its split")
    vocabulary = vocabulary.with_counts([captions for _, captions in spoken["train"]])
    run = RunConfig(
        encoder=regions.spec,
        store=regions.signature,
        captions=sha256(msgspec.json.encode([c for part in spoken.values() for _, c in part]))[:16],
        tokenizer=config.tokenizer,
        vocabulary=vocabulary.hash,
        decoder=config.decoder,
        decoder_settings=asdict(settings_of(config.decoder, config.decoder_settings)),
        training=asdict(config.training),
        search=config.search,
        initialized_from=sha256(before.folder / "best.safetensors")[:16] if before else None,
        teachers_signature=teachers.signature if teachers else None,
    )
    torch.manual_seed(config.training.seed)
    decoder = build_decoder(run, len(vocabulary))
    if before is not None:
        _take_weights(decoder, before)
    if config.training.doubly_stochastic:
        Attended(decoder)  # refused before there is a run folder
    views, watched = choose_views(config.training.views, regions.views), _ids(spoken["val"])
    create_run(folder, run, vocabulary, defaults=asdict(TrainConfig()))
    if regions.head:
        save_head(folder, regions.head)
    write_split(folder, {part: _ids(pairs) for part, pairs in spoken.items()})
    return TrainingSetup(
        config=run,
        vocabulary=vocabulary,
        decoder=decoder,
        training=_examples(spoken["train"], vocabulary, regions, views),
        validation=_examples(spoken["val"], vocabulary, regions, views),
        watched=[regions.rows[name] for name in watched],
        names=watched,
    )


def _require_speakable(
    regions: Regions, config: TrainingPlan, before: Run | None, teachers: Teachers | None
) -> None:
    """Refuse regions that no decoder reads, and rewards for one that cannot speak yet."""
    if regions.spec.is_trunk:
        raise SettingError(
            "these regions are those of an encoder's lower part, which no decoder reads; let the "
            "upper part learn with --encoder-rate, or extract without --upto"
        )
    if config.training.samples is not None and before is None:
        raise SettingError(
            "self-critical training wants a run that can speak; name one with --from RUN"
        )
    if config.training.samples is not None and teachers is not None:
        raise SettingError(
            f"samples was {config.training.samples} beside {len(teachers.runs)} teachers, but only "
            "learning from what people said has teachers; leave one of them out"
        )


def _spoken(
    records: Sequence[Record], regions: Regions, tokenizer: TokenizerName
) -> dict[str, list[Spoken]]:
    """Split the captions of each part's pictures into words; without regions they are left out."""
    spoken = {
        part: [
            (record, [tokenize(caption, tokenizer) for caption in record.captions])
            for record in records
            if record.split == part and record.captions and record.image_id in regions.rows
        ]
        for part in ("train", "val")
    }
    for part, pairs in spoken.items():
        if pairs:
            continue
        told = sum(record.split == part and bool(record.captions) for record in records)
        if not told:
            raise DataError(
                f"none of {len(records)} pictures is of the {part} split and has captions; bring "
                "more pictures, or data that says which are of which split (docs/data.md)"
            )
        raise DataError(
            f"none of {told} pictures of the {part} split has regions, which {len(regions.rows)} "
            "others have; name the store of these pictures, or extract them"
        )
    return spoken


def _examples(
    spoken: Sequence[Spoken], vocabulary: Vocabulary, regions: Regions, views: Sequence[int]
) -> list[Example]:
    """Turn words into ids, and say which views of each picture may be drawn."""
    return [
        Example(
            regions.rows[record.image_id],
            [vocabulary.encode(words) for words in captions],
            _views(captions, views, regions.views),
        )
        for record, captions in spoken
    ]


def inherit_settings(config: TrainingPlan, before: Run, own: dict[str, Any]) -> TrainingPlan:
    """Take words, decoder and search of a run that is gone on from.

    Args:
        config: whose training settings stay.
        before: that run.
        own: choices that were asked for beside it; there can be none.

    Raises:
        SettingError: there are some.
    """
    if own:
        raise SettingError(
            f"{', '.join(own)} cannot be chosen beside --from, which brings its run's; leave it out"
        )
    run = before.config
    return replace(
        config,
        tokenizer=run.tokenizer,
        decoder=run.decoder,
        decoder_settings=run.decoder_settings,
        search=run.search,
    )


def _views(
    captions: Sequence[Sequence[str]], chosen: Sequence[int], names: Sequence[str]
) -> tuple[int, ...]:
    """Return the views of a picture; one of which people say left or right is never mirrored."""
    sided = any(SIDED.intersection(words) for words in captions)
    kept = [view for view in chosen if not (sided and names[view] in MIRRORED)]
    return tuple(kept or [0])


def _take_weights(decoder: Decoder, before: Run) -> None:
    try:
        decoder.load_state_dict(before.decoder.state_dict())
    except RuntimeError as error:
        raise SettingError(
            f"the decoder's sizes cannot be other than those of {before.folder}, which --from goes "
            "on with; leave them out"
        ) from error


def _require_fit(before: Run, regions: Regions, validated: Sequence[int | str]) -> None:
    """Refuse a run that looks otherwise, or that has learned what would be validated on."""
    theirs, ours = before.config.encoder, regions.spec
    if ours.head == OWN:  # it goes on with theirs, and learns
        theirs, ours = theirs.pretrained, ours.pretrained
    require_same(
        theirs.signature,
        ours.signature,
        what="the run's encoder and the store's",
        cure=f"go on with a store of the run's encoder: tushuo extract DATA --run {before.folder}",
    )
    _require_unseen([before], validated, "go on with its data and --seed")


def _require_unseen(runs: Sequence[Run], validated: Sequence[int | str], cure: str) -> None:
    for run in runs:
        learned = set(read_split(run.folder)["train"]).intersection(validated)
        if learned:
            raise DataError(
                f"{run.folder} was trained on {len(learned)} of the {len(validated)} validation "
                f"pictures, and figures on them would flatter; {cure}"
            )


def _ids(spoken: Sequence[tuple[Record, object]]) -> list[int | str]:
    """Return the image ids in their order, each once."""
    return list(dict.fromkeys(record.image_id for record, _ in spoken))
