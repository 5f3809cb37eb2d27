"""The run folder: everything that defines a captioner, as files that a person can open.

RUN/
  run.json             settings: encoder, store, tokenizer, decoder, training, search
  vocabulary.json      words and their ids
  frequencies.json     how many training pictures have each word in their captions
  split.json           image ids of the training and validation pictures
  best.safetensors     weights of the best epoch: the decoder's, and those of the encoder's head if
                       it was fine-tuned; quantised in a folder made by `pack`
  concepts.json, concepts.safetensors  the concept model, where the decoder reads concepts
  encoder.safetensors  the encoder's head, if the regions came from a fine-tuned one
  last.safetensors     weights, optimiser and position, from which training resumes
  log.csv, loss.png    loss curve; samples/: captions after each epoch

Each safetensors file carries a checksum (tensor_files.py).
"""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, final

import msgspec
import torch
from torch import Tensor, nn

from tushuo.decoders import DECODERS, build, settings_of
from tushuo.decoders.base import Decoder
from tushuo.encoders.spec import OWN, EncoderSpec
from tushuo.encoders.split_encoder import read_head, weights_hash
from tushuo.errors import RunError
from tushuo.old_names import upgrade_run
from tushuo.runs.weights import load_weights
from tushuo.runtime import sha256, write_bytes
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature
from tushuo.text.tokenization import TokenizerName
from tushuo.text.vocabulary import Vocabulary

FORMAT = 2
METADATA_FILES = (
    "vocabulary.json", "frequencies.json", "split.json", "log.csv", "concepts.json",
    "concepts.safetensors",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Content of ``run.json``.

    Attributes:
        encoder: the encoder; its ``head`` is ``OWN`` where best.safetensors has it.
        store: signature of the store, or of the encoder where there was none.
        captions: hash of the training and validation captions.
        tokenizer: tokenizer of the captions.
        vocabulary: hash of the words.
        decoder: name of the decoder; decoder_settings: its settings.
        training: settings of the training.
        search: default search.
        initialized_from: hash of the weights that the training started from; None: random weights.
        blend_share: share of its own weights, where `blend` averaged them with the initial ones.
        teachers_signature: signature of the teacher runs and their weight; None: no teachers.
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
        """One line that names the run; other settings, store or initial weights are another run."""
        origin: list[object] = [
            self.decoder_settings, self.training, self.store, self.initialized_from
        ]  # fmt: skip
        optional = (self.blend_share, self.teachers_signature)
        origin += [value for value in optional if value is not None]
        return signature(
            decoder=self.decoder,
            encoder=self.encoder.name.replace(":", "="),
            words=self.tokenizer,
            vocabulary=self.vocabulary,
            captions=self.captions,
            made=sha256(msgspec.json.encode(origin))[:16],
        )


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in memory.

    Attributes:
        folder: its folder.
        config: its settings; the encoder's ``head`` is the hash of the fine-tuned head.
        vocabulary: its words.
        decoder: its decoder, with the best weights.
        head: weights of the encoder's head; empty where it is the pretrained one.
    """

    folder: Path
    config: RunConfig
    vocabulary: Vocabulary
    decoder: Decoder
    head: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | str) -> "Run":
        """Load a run with its best weights, ready for inference.

        Raises:
            RunError: a part is missing, damaged, or belongs to another run.
        """
        folder = Path(folder)
        config = read_config(folder)
        vocabulary = Vocabulary.load(folder)
        if vocabulary.hash != config.vocabulary:
            raise RunError(
                f"{folder}/vocabulary.json has the hash {vocabulary.hash}, but the run was trained "
                f"with {config.vocabulary}; restore the vocabulary.json of the same run"
            )
        decoder = build_decoder(config, len(vocabulary))
        head = load_weights(folder, decoder)
        encoder = config.encoder
        if encoder.head == OWN and not head:
            raise RunError(f"{folder}/best.safetensors lacks the encoder's head; train again")
        if encoder.head == OWN:
            encoder = replace(encoder, head=weights_hash(head))
        elif encoder.head:
            head = read_head(folder, encoder.head)
        return cls(
            folder=folder,
            config=replace(config, encoder=encoder),
            vocabulary=vocabulary,
            decoder=prepare_for_inference(decoder),
            head=head,
        )


def copy_metadata(folder: Path, output: Path) -> None:
    """Copy the ``METADATA_FILES`` that a run has into a folder derived from it."""
    for name in METADATA_FILES:
        if (folder / name).exists():
            write_bytes(output / name, (folder / name).read_bytes())


def read_config(folder: Path) -> RunConfig:
    """Read ``run.json``.

    Raises:
        RunError: it is missing or cannot be read.
    """
    path = folder / "run.json"
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        version = settings.get("format", 1)
        if version == 1:
            settings = upgrade_run(settings) | {"format": FORMAT}
        elif version != FORMAT:
            raise RunError(
                f"{path} has format {version}, this version of tushuo reads 1 to {FORMAT}; install "
                "a newer one, or restore the file"
            )
        config = msgspec.convert(settings, RunConfig)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(
            f"{folder} is not a run folder, it has no run.json; "
            f"make one with: tushuo train DATA --store STORE --output {folder}"
        ) from error
    except msgspec.DecodeError as error:
        raise RunError(f"{path} cannot be read: {error}; train again") from error
    if config.decoder not in DECODERS:
        raise RunError(f"{path} names the decoder {config.decoder!r}, known: {', '.join(DECODERS)}")
    return config


def create_run(
    folder: Path, config: RunConfig, vocabulary: Vocabulary, *, defaults: dict[str, Any]
) -> None:
    """Write a new run's first files, or verify that the folder has the same run.

    The search may differ, since training does not depend on it: the existing one is kept.

    Args:
        folder: the run folder.
        config: the run's settings.
        vocabulary: its words.
        defaults: training settings that an older run.json does not have.

    Raises:
        RunError: the folder has a run with other settings; the message names them.
    """
    if (folder / "run.json").exists():
        existing = read_config(folder)
        settings = asdict(settings_of(existing.decoder, existing.decoder_settings))
        training = defaults | existing.training
        existing = replace(existing, training=training, decoder_settings=settings)
        old, new = _flat(asdict(existing)), _flat(asdict(config))
        differences = "; ".join(
            f"{name}: {old.get(name)} there, {new.get(name)} now"
            for name in {**old, **new}
            if old.get(name) != new.get(name) and not name.startswith("search.")
        )
        if differences:
            raise RunError(f"{folder} holds another run ({differences}); choose another --output")
    else:
        write_bytes(folder / "run.json", msgspec.json.format(msgspec.json.encode(config)))
    vocabulary.save(folder)  # an older run's vocabulary may lack the word counts


def write_split(folder: Path, split: dict[str, list[int | str]]) -> None:
    """Save which pictures a run was trained and validated on, so that it is not scored on them."""
    write_bytes(folder / "split.json", msgspec.json.encode(split))


def read_split(folder: Path) -> dict[str, list[int | str]]:
    """Read the image ids of the ``train`` and ``val`` pictures.

    Raises:
        RunError: the file is missing or cannot be read.
    """
    path = folder / "split.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[int | str]])
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise RunError(
            f"{path} cannot be read: {error}; repeat the same tushuo train command to rewrite it"
        ) from error


def prepare_for_inference(decoder: Decoder) -> Decoder:
    """Switch dropout and gradients off, precompute products, and lay matrices out for single rows.

    A product with a single row reads a matrix twice as fast along its inputs as along its outputs;
    with many rows there is no difference.
    """
    for module in decoder.modules():
        if isinstance(module, nn.Linear):
            module.weight.data = module.weight.data.t().contiguous().t()
    decoder.eval().requires_grad_(False).precompute()
    return decoder


def build_decoder(config: RunConfig, vocabulary: int) -> Decoder:
    """Build a decoder of the run's sizes with random weights."""
    width = config.encoder.width
    return build(config.decoder, config.decoder_settings, width=width, vocabulary=vocabulary)


def run_signature(run: Run) -> str:
    """Name a run and its exact weights; the signature of a calibration starts with it."""
    digest = hashlib.sha256()
    head = [run.head[name] for name in sorted(run.head)]
    for weight in (*run.decoder.state_dict().values(), *head):
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy())
    settings = sha256(run.config.signature.encode())[:16]
    return signature(run=settings, weights=digest.hexdigest()[:16])


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return flat
