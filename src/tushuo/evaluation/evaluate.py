"""Score the captions of a split, with model-free baselines and caption diagnostics."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from tushuo.captioning.captioner import Captioner
from tushuo.data.record import Record
from tushuo.evaluation.captioning import references_of
from tushuo.evaluation.clip import Clip
from tushuo.evaluation.results import PictureResult, Results, read_curve, read_settings
from tushuo.metrics.caption_diagnostics import CaptionDiagnostics, caption_diagnostics
from tushuo.metrics.score import QUICK, TOKENIZERS, Scores, corpus_of, score
from tushuo.search.config import SearchConfig
from tushuo.signatures import only, signature


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How captions are scored.

    Attributes:
        tokenizer: one of ``TOKENIZERS``.
        metrics: some of ``METRICS``.
        clip: CLIP embeddings of the pictures, for CLIPScore and RefCLIPScore; None: without them.
    """

    tokenizer: str = "ptb"
    metrics: Sequence[str] = QUICK
    clip: Clip | None = None


PLAIN = Scoring()
MAKER = ("run", "model", "revision", "precision", "prompt", "search")  # fields of a captioner


def score_records(
    captions: dict[str, str], records: Sequence[Record], scoring: Scoring = PLAIN
) -> Scores:
    """Score captions, by image id, against all references of their records."""
    references, clip = references_of(records, captions), scoring.clip
    scores = score(
        captions,
        references,
        tokenizer=scoring.tokenizer,
        metrics=scoring.metrics,
        extra_metrics=[clip(captions, references)] if clip else [],
    )
    if not clip:
        return scores
    return replace(scores, signature=f"{scores.signature}|{signature(clip=clip.weights)}")


def diagnose(
    results: Mapping[int | str, PictureResult],
    records: Sequence[Record],
    training: Sequence[Record],
    *,
    tokenizer: str = "ptb",
) -> CaptionDiagnostics:
    """Measure what scores do not show: variety, novelty, and captions that end too early."""
    tokenize = TOKENIZERS[tokenizer]
    captions = {str(image_id): result.caption for image_id, result in results.items()}
    references = references_of(records, captions)
    training_captions = [tokenize(text) for record in training for text in record.captions]
    ranked = [
        [tokenize(text) for text in (result.caption, *result.alternatives)]
        for result in results.values()
    ]
    corpus = corpus_of(captions, references, tokenizer)
    return caption_diagnostics(corpus, training_captions, ranked)


def evaluate(
    results: Mapping[int | str, PictureResult],
    records: Sequence[Record],
    training: Sequence[Record],
    captioner: Captioner,
    *,
    baselines: Mapping[str, Scores],
    config: SearchConfig | None = None,
    scoring: Scoring = PLAIN,
) -> Results:
    """Put together everything that is known of a captioner's captions.

    Args:
        results: the captions, by image id.
        records: the captioned pictures with their references.
        training: what the captioner was trained on.
        captioner: who made the captions; its settings and loss curve go into the results.
        baselines: scores of `baselines.baselines`, by name.
        config: the search of the captions; None: the captioner's default.
        scoring: how captions are scored.
    """
    captions = {str(image_id): result.caption for image_id, result in results.items()}
    scores = score_records(captions, records, scoring)
    diagnostics = asdict(diagnose(results, records, training, tokenizer=scoring.tokenizer))
    maker = only(MAKER, captioner.signature(config))
    folder = captioner.info.folder
    return Results.of(
        replace(scores, signature=f"{scores.signature}|{maker}"),
        pictures={str(image_id): result for image_id, result in results.items()},
        baselines={name: baseline.scores for name, baseline in baselines.items()},
        diagnostics={name: value for name, value in diagnostics.items() if value is not None},
        run=read_settings(folder) if folder else None,
        curve=read_curve(folder) if folder else [],
    )
