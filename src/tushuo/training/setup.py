"""Prepare a training: tokenised captions, vocabulary, decoder and run folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import torch

from tushuo.data.record import NO_PICTURE, Record
from tushuo.decoders import settings_of
from tushuo.decoders.base import Decoder
from tushuo.encoders.spec import OWN
from tushuo.encoders.split_encoder import save_head
from tushuo.errors import DataError, SettingError
from tushuo.features.regions import Regions
from tushuo.features.views import MIRRORED, choose_views
from tushuo.runs.run import Run, RunConfig, build_decoder, create_run, read_split, write_split
from tushuo.runs.weights import BEST
from tushuo.runtime import sha256
from tushuo.signatures import require_same
from tushuo.text.tokenization import TokenizerName, tokenize
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig
from tushuo.training.attention_regularization import WithAttentionMaps
from tushuo.training.batches import Example
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.plan import TrainingPlan

# Words that are wrong for a mirrored picture; jieba and characters both produce the single ones.
SIDED = frozenset(["left", "right", "左", "右", "左边", "右边", "左侧", "右侧", "左手", "右手"])


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """Everything that a training starts with.

    Attributes:
        config: content of ``run.json``.
        vocabulary: the run's vocabulary.
        decoder: the decoder, with its initial weights.
        training, validation: examples of the two splits.
        validation_ids: image ids of the validation pictures, in the order of the data.
        validation_rows: their rows among the regions.
    """

    config: RunConfig
    vocabulary: Vocabulary
    decoder: Decoder
    training: list[Example]
    validation: list[Example]
    validation_ids: list[int | str]
    validation_rows: list[int]


TokenizedRecord = tuple[Record, list[list[str]]]
"""A record, and its captions as lists of words."""


def prepare_training(
    records: Sequence[Record],
    regions: Regions,
    folder: Path,
    plan: TrainingPlan,
    *,
    initial_run: Run | None = None,
    teachers: Teachers | None = None,
) -> TrainingSetup:
    """Tokenise the captions, fit the vocabulary, build the decoder and create the run folder.

    Args:
        records: captioned pictures, each with a split.
        regions: regions of the pictures; pictures that it lacks are left out.
        folder: the run folder.
        plan: all choices of the training.
        initial_run: run whose vocabulary and weights the training starts from.
        teachers: runs to distil from.

    Raises:
        DataError: there are no pictures to train or to validate on, or ``initial_run`` or a teacher
            was trained on some of the validation pictures.
        RunError: the folder holds another run.
        SettingError: a decoder or a setting is unknown, or two choices exclude each other.
        SignatureError: ``initial_run`` has another encoder, or the teachers have another vocabulary
            or store.
    """
    _require_trainable(regions, plan, initial_run, teachers)
    splits = {part: _tokenize(records, regions, plan.tokenizer, part) for part in ("train", "val")}
    validation_ids = _image_ids(splits["val"])
    vocabulary = _vocabulary(splits["train"], plan.vocabulary, initial_run)
    if initial_run is not None:
        _require_same_encoder(initial_run, regions)
        _require_held_out([initial_run], validation_ids, "use the data and --seed of that run")
    if teachers is not None:
        teachers.require_fit(plan.tokenizer, vocabulary, regions.signature)
        _require_held_out(teachers.runs, validation_ids, "choose teachers with the same split")
    config = _run_config(splits, regions, plan, vocabulary, initial_run, teachers)
    decoder = _initial_decoder(config, vocabulary, plan.training, initial_run)
    views = choose_views(plan.training.views, regions.views)
    create_run(folder, config, vocabulary, defaults=asdict(TrainConfig()))
    if regions.head:
        save_head(folder, regions.head)
    pictures = {
        part: [pair for pair in pairs if pair[0].path != NO_PICTURE]
        for part, pairs in splits.items()
    }
    write_split(folder, {part: _image_ids(pairs) for part, pairs in pictures.items()})
    return TrainingSetup(
        config=config,
        vocabulary=vocabulary,
        decoder=decoder,
        training=_examples(splits["train"], vocabulary, regions, views),
        validation=_examples(splits["val"], vocabulary, regions, views),
        validation_ids=validation_ids,
        validation_rows=[regions.rows[image_id] for image_id in validation_ids],
    )


def _require_trainable(
    regions: Regions, plan: TrainingPlan, initial_run: Run | None, teachers: Teachers | None
) -> None:
    """Refuse trunk features without a head, and rewards without a run to start from."""
    if regions.spec.is_trunk:
        raise SettingError(
            "the store holds features of the encoder's frozen blocks, which no decoder reads; "
            "fine-tune the other blocks with --encoder-rate, or extract without --frozen-blocks"
        )
    samples = plan.training.samples
    if samples is not None and initial_run is None:
        raise SettingError(
            "self-critical training (--samples) requires a trained run; pass one with --from RUN"
        )
    if samples is not None and teachers is not None:
        raise SettingError(
            f"--samples {samples} cannot be combined with {len(teachers.runs)} teachers, since "
            "distillation applies to cross-entropy training only; leave one of them out"
        )


def _tokenize(
    records: Sequence[Record], regions: Regions, tokenizer: TokenizerName, part: str
) -> list[TokenizedRecord]:
    """Tokenise the captions of a split's pictures, leaving out pictures without regions."""
    captioned = [record for record in records if record.split == part and record.captions]
    tokenized = [
        (record, [tokenize(caption, tokenizer) for caption in record.captions])
        for record in captioned
        if record.image_id in regions.rows
    ]
    if not captioned:
        raise DataError(
            f"none of {len(records)} pictures is in the {part} split and has captions; add "
            "pictures, or use data that names the split of each (docs/data.md)"
        )
    if not tokenized:
        raise DataError(
            f"none of the {len(captioned)} pictures of the {part} split has regions, though "
            f"{len(regions.rows)} other pictures do; use the store of these pictures, or run "
            "tushuo extract on them"
        )
    return tokenized


def _vocabulary(
    training: Sequence[TokenizedRecord], config: VocabularyConfig, initial_run: Run | None
) -> Vocabulary:
    """Fit the vocabulary on the training captions or inherit it, and count its words there."""
    captions = [captions for _, captions in training]
    if initial_run is None:
        vocabulary = Vocabulary.fit((words for each in captions for words in each), config)
    else:
        vocabulary = initial_run.vocabulary
    return vocabulary.with_counts(captions)


def _run_config(
    splits: dict[str, list[TokenizedRecord]],
    regions: Regions,
    plan: TrainingPlan,
    vocabulary: Vocabulary,
    initial_run: Run | None,
    teachers: Teachers | None,
) -> RunConfig:
    captions = [captions for pairs in splits.values() for _, captions in pairs]
    return RunConfig(
        encoder=regions.spec,
        store=regions.signature,
        captions=sha256(msgspec.json.encode(captions))[:16],
        tokenizer=plan.tokenizer,
        vocabulary=vocabulary.hash,
        decoder=plan.decoder,
        decoder_settings=asdict(settings_of(plan.decoder, plan.decoder_settings)),
        training=asdict(plan.training),
        search=plan.search,
        initialized_from=(sha256(initial_run.folder / BEST)[:16] if initial_run else None),
        teachers_signature=teachers.signature if teachers else None,
    )


def _initial_decoder(
    config: RunConfig, vocabulary: Vocabulary, training: TrainConfig, initial_run: Run | None
) -> Decoder:
    """Build the decoder with random weights, or with those of the initial run."""
    torch.manual_seed(training.seed)
    decoder = build_decoder(config, len(vocabulary))
    if initial_run is not None:
        try:
            decoder.load_state_dict(initial_run.decoder.state_dict())
        except RuntimeError as error:
            raise SettingError(
                f"decoder settings differ in size from those of {initial_run.folder}, whose "
                "weights --from loads; leave them out"
            ) from error
    if training.doubly_stochastic:
        WithAttentionMaps(decoder)  # refuses a decoder before the run folder exists
    return decoder


def _examples(
    tokenized: Sequence[TokenizedRecord],
    vocabulary: Vocabulary,
    regions: Regions,
    views: Sequence[int],
) -> list[Example]:
    return [
        Example(
            regions.rows[record.image_id],
            [vocabulary.encode(words) for words in captions],
            _allowed_views(captions, views, regions.views),
        )
        for record, captions in tokenized
    ]


def _allowed_views(
    captions: Sequence[Sequence[str]], views: Sequence[int], names: Sequence[str]
) -> tuple[int, ...]:
    """Return the views of a picture; it is never mirrored if a caption mentions left or right."""
    sided = any(SIDED.intersection(words) for words in captions)
    allowed = [view for view in views if not (sided and names[view] in MIRRORED)]
    return tuple(allowed or [0])


def _require_same_encoder(initial_run: Run, regions: Regions) -> None:
    """Refuse regions of an encoder that the initial run was not trained on."""
    expected, actual = initial_run.config.encoder, regions.spec
    if actual.head == OWN:  # training continues from the head of the initial run
        expected, actual = expected.pretrained, actual.pretrained
    require_same(
        expected.signature,
        actual.signature,
        what="the encoder of the initial run and that of the store",
        cure=f"use a store of its encoder: tushuo extract DATA --run {initial_run.folder}",
    )


def _require_held_out(runs: Sequence[Run], image_ids: Sequence[int | str], cure: str) -> None:
    """Refuse runs that were trained on pictures which this training validates on."""
    for run in runs:
        overlap = set(read_split(run.folder)["train"]).intersection(image_ids)
        if overlap:
            raise DataError(
                f"{run.folder} was trained on {len(overlap)} of the {len(image_ids)} validation "
                f"pictures, so scores on them would be too high; {cure}"
            )


def _image_ids(tokenized: Sequence[tuple[Record, object]]) -> list[int | str]:
    """Return the image ids in the order of the data, each once."""
    return list(dict.fromkeys(record.image_id for record, _ in tokenized))
