"""Several runs as one: an ensemble that speaks, or that teaches."""

from collections.abc import Sequence
from dataclasses import replace

from tushuo.decoders.ensemble import Ensemble
from tushuo.encoders.spec import OWN
from tushuo.encoders.split_encoder import concatenate_heads, weights_hash
from tushuo.runs.run import Run, RunConfig
from tushuo.signatures import require_same, signature


def ensemble(runs: Sequence[Run]) -> Run:
    """Make an ensemble of runs; its configuration is the first one's with all decoders named.

    Each run may have an upper part of the encoder of its own: the lower part is theirs together.

    Raises:
        SignatureError: their words or encoders are not the same.
    """
    first, own = runs[0], all(run.head for run in runs)
    for other in runs[1:]:
        require_same(
            _interface(first.config, own),
            _interface(other.config, own),
            what=f"{first.folder} and {other.folder}",
            cure="an ensemble wants runs of one vocabulary and one encoder",
        )
    if len(runs) == 1:
        return first
    named = "+".join(run.config.decoder for run in runs)
    uppers = {str(run.config.encoder.head): run.head for run in runs}
    looks = [list(uppers).index(str(run.config.encoder.head)) for run in runs]
    encoder, head = first.config.encoder, first.head
    if len(uppers) > 1:
        head = concatenate_heads(list(uppers.values()))
        encoder = replace(encoder, head=weights_hash(head), width=encoder.width * len(uppers))
    return replace(
        first,
        config=replace(first.config, decoder=named, encoder=encoder),
        decoder=Ensemble([run.decoder for run in runs], looks).eval(),
        head=head,
    )


def _interface(config: RunConfig, own: bool) -> str:
    """Return what runs of an ensemble must have in common.

    Args:
        config: a run's.
        own: whether all of them have an upper part of their encoder, which may differ.
    """
    looker = replace(config.encoder, head=OWN) if own else config.encoder
    encoder = looker.signature.replace("|", ",").replace(":", "=")
    return signature(words=config.tokenizer, vocabulary=config.vocabulary, encoder=encoder)
