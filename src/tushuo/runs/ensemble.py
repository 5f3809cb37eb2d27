"""Combine several runs into one that averages their probabilities."""

from collections.abc import Sequence
from dataclasses import replace

from tushuo.decoders.ensemble import Ensemble
from tushuo.encoders.spec import OWN
from tushuo.encoders.split_encoder import concatenate_heads, weights_hash
from tushuo.runs.run import Run, RunConfig
from tushuo.signatures import require_same, signature


def ensemble(runs: Sequence[Run]) -> Run:
    """Combine runs; the settings are those of the first one, with all decoders named.

    Each run may have its own fine-tuned head of the encoder; the trunk is shared.

    Raises:
        SignatureError: their vocabularies or encoders differ.
    """
    first, all_fine_tuned = runs[0], all(run.head for run in runs)
    for other in runs[1:]:
        require_same(
            _interface(first.config, all_fine_tuned),
            _interface(other.config, all_fine_tuned),
            what=f"{first.folder} and {other.folder}",
            cure="the runs of an ensemble must share one vocabulary and one encoder",
        )
    if len(runs) == 1:
        return first
    heads = {str(run.config.encoder.head): run.head for run in runs}
    head_of_run = [list(heads).index(str(run.config.encoder.head)) for run in runs]
    encoder, head = first.config.encoder, first.head
    if len(heads) > 1:
        head = concatenate_heads(list(heads.values()))
        encoder = replace(encoder, head=weights_hash(head), width=encoder.width * len(heads))
    decoders = "+".join(run.config.decoder for run in runs)
    return replace(
        first,
        config=replace(first.config, decoder=decoders, encoder=encoder),
        decoder=Ensemble([run.decoder for run in runs], head_of_run).eval(),
        head=head,
    )


def _interface(config: RunConfig, all_fine_tuned: bool) -> str:
    """Return what the runs of an ensemble must have in common.

    Args:
        config: settings of a run.
        all_fine_tuned: whether every run has a head of its own; heads may then differ.
    """
    spec = replace(config.encoder, head=OWN) if all_fine_tuned else config.encoder
    encoder = spec.signature.replace("|", ",").replace(":", "=")
    return signature(words=config.tokenizer, vocabulary=config.vocabulary, encoder=encoder)
