"""The run folder: all that a captioner is, as files that a person can open.

RUN/
  run.json            what made it: encoder, store, words, decoder, training, search
  vocabulary.json     words and ids
  frequencies.json    in how many training pictures' captions each word stands
  split.json          image ids of the pictures that it was trained and validated on
  best.safetensors    weights of the best epoch; with the encoder's upper part where it learned;
                      rounded, where `pack` made the folder
  encoder.safetensors  the encoder's upper part, where the regions came of a trained one
  last.safetensors    weights, optimiser and position: what training goes on from
  log.csv, loss.png   the curve; samples/: captions after each epoch
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, final

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tushuo.decoders import DECODERS, build, settings_of
from tushuo.decoders.base import Decoder
from tushuo.encoders.spec import OWN, EncoderSpec
from tushuo.encoders.split_encoder import read_head, weights_hash
from tushuo.errors import RunError
from tushuo.old_names import upgrade_run, upgrade_weights
from tushuo.runs.quantization import dequantize
from tushuo.runtime import sha256, write_bytes
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature
from tushuo.text.tokenization import TokenizerName
from tushuo.text.vocabulary import Vocabulary

FORMAT = 2
# What of a run tells its words, pictures and curve, and goes into what is made of it.
METADATA_FILES = ("vocabulary.json", "frequencies.json", "split.json", "log.csv")
ENCODER = "encoder."  # of the names of the upper part's weights, beside the decoder's


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What ``run.json`` holds.

    Attributes:
        encoder: what looked at the pictures; ``upper`` is ``OWN`` where best.safetensors has it.
        store: signature of the store, or of the encoder where regions were made on the fly.
        captions: hash of the training and validation captions.
        splitting: how captions became words.
        vocabulary: hash of the words.
        decoder: name and settings of the decoder.
        training: settings of the training.
        search: how captions are searched unless asked otherwise.
        begun_from: hash of the weights that the training began from; None: from nothing.
        blended: share of its own weights, where `blend` mixed them with those that it began from.
        taught_by: signature of the runs that it learned from beside people, and of their weight.
    """

    format: int = FORMAT
    encoder: EncoderSpec
    store: str
    captions: str
    tokenizer: TokenizerName
    vocabulary: str
    decoder: str
    decoder_settings: dict[str, Any]
    training: dict[str, Any]
    search: SearchConfig
    initialized_from: str | None = None
    blend_share: float | None = None
    teachers_signature: str | None = None

    @property
    def signature(self) -> str:
        """One line that names the run; other settings, store or first weights are another run."""
        made: list[object] = [
            self.decoder_settings,
            self.training,
            self.store,
            self.initialized_from,
        ]
        made += [told for told in (self.blend_share, self.teachers_signature) if told is not None]
        return signature(
            decoder=self.decoder,
            encoder=self.encoder.name.replace(":", "="),
            words=self.tokenizer,
            vocabulary=self.vocabulary,
            captions=self.captions,
            made=sha256(msgspec.json.encode(made))[:16],
        )


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in memory: its configuration, words and decoder.

    Attributes:
        folder: where it lies.
        config: its choices; the encoder's spec holds the hash of its trained upper part.
        vocabulary: its words.
        decoder: its decoder, with the best weights.
        upper: weights of the encoder's upper part, none where they are as they came.
    """

    folder: Path
    config: RunConfig
    vocabulary: Vocabulary
    decoder: Decoder
    head: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | str) -> "Run":
        """Read a run with its best weights, ready to caption.

        Raises:
            RunError: something of it is missing, damaged, or belongs to another run.
        """
        folder = Path(folder)
        config = read_config(folder)
        vocabulary = Vocabulary.load(folder)
        if vocabulary.hash != config.vocabulary:
            raise RunError(
                f"{folder}/vocabulary.json has the hash {vocabulary.hash}, but the run was trained "
                f"with {config.vocabulary}; put back the vocabulary.json of the same run"
            )
        decoder = build_decoder(config, len(vocabulary))
        path = folder / "best.safetensors"
        try:
            decoder_weights, learned = _split_weights(dequantize(load_file(path)))
            decoder.load_state_dict(upgrade_weights(decoder_weights))
        except FileNotFoundError as error:
            raise RunError(f"{folder} has no weights yet; finish an epoch of training") from error
        except (SafetensorError, RuntimeError) as error:
            raise RunError(f"{path} does not fit its run: {error}; train again") from error
        looked = config.encoder
        if looked.head == OWN and not learned:
            raise RunError(f"{path} lacks the encoder's upper part; train again")
        if looked.head == OWN:
            looked = replace(looked, head=weights_hash(learned))
        elif looked.head:
            learned = read_head(folder, looked.head)
        return cls(
            folder=folder,
            config=replace(config, encoder=looked),
            vocabulary=vocabulary,
            decoder=prepare_for_inference(decoder),
            head=learned,
        )


def merge_weights(decoder: Decoder, head: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put together what ``best.safetensors`` holds: a decoder, and an upper part that learned."""
    return decoder.state_dict() | {f"{ENCODER}{name}": w.contiguous() for name, w in head.items()}


def _split_weights(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Take the decoder's weights and the upper part's apart."""
    spoken = {name: w for name, w in weights.items() if not name.startswith(ENCODER)}
    looked = {name.removeprefix(ENCODER): weights[name] for name in weights.keys() - spoken.keys()}
    return spoken, looked


def copy_metadata(folder: Path, output: Path) -> None:
    """Copy what a run tells (`TOLD`), as far as it has it, into a folder that is made of it."""
    for name in METADATA_FILES:
        if (folder / name).exists():
            write_bytes(output / name, (folder / name).read_bytes())


def read_config(folder: Path) -> RunConfig:
    """Read ``run.json``.

    Raises:
        RunError: it is not there, or cannot be read.
    """
    path = folder / "run.json"
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if settings.get("format", 1) == 1:
            settings = upgrade_run(settings) | {"format": FORMAT}
        config = msgspec.convert(settings, RunConfig)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(
            f"{folder} is not a run folder, it has no run.json; "
            f"make one with: tushuo train DATA --store STORE --output {folder}"
        ) from error
    except msgspec.DecodeError as error:
        raise RunError(f"{path} cannot be read: {error}; train again") from error
    if config.format != FORMAT:
        raise RunError(f"{path} is of format {config.format}, this tushuo reads {FORMAT}")
    if config.decoder not in DECODERS:
        raise RunError(f"{path} names the decoder {config.decoder!r}, known: {', '.join(DECODERS)}")
    return config


def create_run(
    folder: Path, config: RunConfig, vocabulary: Vocabulary, *, defaults: dict[str, Any]
) -> None:
    """Write a new run's first files, or find the very same run there.

    The search may differ, since it decides nothing in a training: the one that is there stays.

    Args:
        folder: where it is, or will be.
        config: its choices.
        vocabulary: its words.
        defaults: settings of the training that an older run.json does not name.

    Raises:
        RunError: the folder holds a run with other settings; the message names them.
    """
    if (folder / "run.json").exists():
        there = read_config(folder)
        settings = asdict(settings_of(there.decoder, there.decoder_settings))
        there = replace(there, training=defaults | there.training, decoder_settings=settings)
        old, new = _flat(asdict(there)), _flat(asdict(config))
        names = [
            name
            for name in {**old, **new}
            if old.get(name) != new.get(name) and not name.startswith("search.")
        ]
        if names:
            told = "; ".join(
                f"{name}: {old.get(name)} there, {new.get(name)} now" for name in names
            )
            raise RunError(f"{folder} holds another run ({told}); choose another --output")
    else:
        write_bytes(folder / "run.json", msgspec.json.format(msgspec.json.encode(config)))
    vocabulary.save(folder)  # over an older one too, which does not know how common words are


def write_split(folder: Path, split: dict[str, list[int | str]]) -> None:
    """Keep which pictures were trained and validated on, so that nobody is scored on the former."""
    write_bytes(folder / "split.json", msgspec.json.encode(split))


def read_split(folder: Path) -> dict[str, list[int | str]]:
    """Read the image ids of the pictures of ``train`` and ``val``.

    Raises:
        RunError: the run does not have them, or they cannot be read.
    """
    path = folder / "split.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[int | str]])
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise RunError(
            f"{path} cannot be read: {error}; the same tushuo train command writes it anew"
        ) from error


def prepare_for_inference(decoder: Decoder) -> Decoder:
    """Make a decoder ready to speak: no dropout, no gradients, weights laid out for one row.

    A product with one row reads a matrix twice as fast along its inputs than along its outputs;
    with many rows there is no difference.
    """
    for part in decoder.modules():
        if isinstance(part, nn.Linear):
            part.weight.data = part.weight.data.t().contiguous().t()
    decoder.eval().requires_grad_(False).precompute()
    return decoder


def build_decoder(config: RunConfig, vocabulary: int) -> Decoder:
    """Make a decoder of the configuration's sizes, with random weights."""
    width = config.encoder.width
    return build(config.decoder, config.decoder_settings, width=width, vocabulary=vocabulary)


def run_signature(run: Run) -> str:
    """Name a run and the very weights that it has; a calibration's signature begins with it."""
    hashed = hashlib.sha256()
    head = [run.head[name] for name in sorted(run.head)]
    for weight in (*run.decoder.state_dict().values(), *head):
        hashed.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy())
    name = sha256(run.config.signature.encode())[:16]
    return signature(run=name, weights=hashed.hexdigest()[:16])


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        )
    return flat
