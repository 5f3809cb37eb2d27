"""Fine-tuning the encoder: exact resume, runs with their own head, stores that fit or do not."""

import math
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.training.test_train import Killed
from tushuo import encoders
from tushuo.captioning.load import load
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.data import Record
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import StochasticDepth, split_encoder, weights_hash
from tushuo.errors import RunError, SettingError, SignatureError, WeightsError
from tushuo.evaluation.captioning import caption_split
from tushuo.evaluation.packing_error import packing_error
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.metrics.reward import Reward
from tushuo.runs.encoder import encoder_of
from tushuo.runs.ensemble import ensemble
from tushuo.runs.pack import pack
from tushuo.runs.run import Run
from tushuo.text.vocabulary import START
from tushuo.training.batches import Example, collate, epoch_order
from tushuo.training.checkpoint import EpochRow
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.fine_tuning import split_for_training, with_trainable_head
from tushuo.training.loop import Callbacks, fit
from tushuo.training.plan import TrainingPlan, inherit_settings
from tushuo.training.setup import prepare_training

FINE_TUNED = TrainConfig(
    epochs=2,
    batch_size=30,
    learning_rate=3e-3,
    encoder_rate=1e-3,
    average=0.9,
    stochastic_depth=0.3,
)
FROZEN = replace(FINE_TUNED, encoder_rate=None, stochastic_depth=0.0)


@pytest.fixture(scope="module")
def encoder(tiny_weights: Path) -> Encoder:
    return encoders.load("efficientnet_lite0", weights=tiny_weights)


@pytest.fixture(scope="module")
def trunk(
    records: list[Record], encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> Regions:
    folder = tmp_path_factory.mktemp("trunk")
    extract(records, split_encoder(encoder).trunk, folder, views=("plain", "flip"))
    return Regions.from_store(folder)


def fine_tune(
    records: list[Record],
    encoder: Encoder,
    trunk_regions: Regions,
    folder: Path,
    *,
    config: TrainConfig = FINE_TUNED,
    initial_run: Run | None = None,
    callbacks: Callbacks | None = None,
    teachers: Teachers | None = None,
) -> list[EpochRow]:
    split = split_for_training(encoder, trunk_regions.spec.frozen_blocks, initial_run)
    regions = with_trainable_head(trunk_regions, split)
    settings = {"embedding": 16, "units": 32, "dropout": 0.3}
    plan = TrainingPlan(decoder_settings=settings, training=config)
    plan = inherit_settings(plan, initial_run, {}) if initial_run else plan
    setup = prepare_training(
        records, regions, folder, plan, initial_run=initial_run, teachers=teachers
    )
    parts = (setup.decoder, setup.training, setup.validation, regions.read, config, folder)
    return fit(*parts, callbacks or Callbacks(), head=split.head, teachers=teachers)


@pytest.fixture(scope="module")
def run(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("fine_tuned")
    fine_tune(records, encoder, trunk, folder)
    return folder


@pytest.mark.parametrize("at", [3, 5])
def test_a_killed_and_resumed_fine_tuning_has_the_same_weights(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path, at: int
) -> None:
    steps = 0

    def kill(report: object) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise Killed

    often = Callbacks(save_every_seconds=0.0)
    with pytest.raises(Killed):
        fine_tune(records, encoder, trunk, tmp_path, callbacks=replace(often, step=kill))
    fine_tune(records, encoder, trunk, tmp_path, callbacks=often)
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(folder / name) for folder in (run, tmp_path))
        assert one.keys() == other.keys()
        assert all(one[key].equal(other[key]) for key in one), name


def test_stochastic_depth_skips_branches_in_training(tiny_weights: Path) -> None:
    head = split_encoder(encoders.load("efficientnet_lite0", weights=tiny_weights)).head
    depths = [part for part in head.modules() if isinstance(part, StochasticDepth)]
    assert depths
    depth, branch = depths[0], torch.rand(2000, 3, 1, 1) + 1
    depth.share = 0.25
    assert depth.eval()(branch) is branch
    torch.manual_seed(0)
    scaled = depth.train()(branch)
    kept = scaled.flatten(1).any(dim=1)
    assert 1 - kept.float().mean() == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(scaled[kept], branch[kept] / 0.75)
    with pytest.raises(SettingError, match="only applies when the encoder is fine-tuned"):
        TrainConfig(stochastic_depth=0.2)


def test_the_head_has_its_own_learning_rate(
    records: list[Record], encoder: Encoder, trunk: Regions, tmp_path: Path
) -> None:
    """The first step of Adam changes every weight by the learning rate, whatever its gradient."""
    config = replace(FINE_TUNED, epochs=1, epoch_steps=1, average=0.0, clip_norm=None)
    config = replace(config, stochastic_depth=0.0)  # a skipped branch has no gradient
    pretrained = split_encoder(encoder).head.state_dict()
    fine_tune(records, encoder, trunk, tmp_path, config=config)
    weights = load_file(tmp_path / "best.safetensors")
    changes = {
        name: (weights[f"encoder.{name}"] - weight).abs().max()
        for name, weight in pretrained.items()
    }
    assert all(change == pytest.approx(1e-3, rel=0.02) for change in changes.values()), changes


def test_captions_of_a_picture_share_one_pass_through_the_head(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    """However many captions it has; self-critical training fine-tunes the head too."""
    initial_run = Run.load(run)
    for name, samples in (("references", None), ("samples", 3)):
        config = replace(FINE_TUNED, epochs=1, epoch_steps=1, average=0.0, samples=samples)
        split, pictures = split_for_training(encoder, None, initial_run), []

        def count(head: object, _: tuple[Tensor], output: Tensor, counts: Any = pictures) -> None:
            counts += [len(output)] if output.requires_grad else []

        split.head.register_forward_hook(count)
        regions = with_trainable_head(trunk, split)
        plan = inherit_settings(TrainingPlan(training=config), initial_run, {})
        setup = prepare_training(records, regions, tmp_path / name, plan, initial_run=initial_run)
        reward = Reward([[ids[1:] for ids in example.captions] for example in setup.training])
        parts = (setup.decoder, setup.training, setup.validation, regions.read, config)
        fit(*parts, tmp_path / name, Callbacks(), reward, split.head)
        assert pictures[0] == len(epoch_order(setup.training, config, 0)[0])
        after = Run.load(tmp_path / name).head
        assert all(not after[key].equal(initial_run.head[key]) for key in after)


def test_a_run_has_its_own_encoder(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tiny_weights: Path
) -> None:
    loaded = Run.load(run)
    spec = loaded.config.encoder
    assert (spec.frozen_blocks, spec.head) == (6, weights_hash(loaded.head))
    own = encoder_of(loaded, weights=tiny_weights)
    assert own.spec == spec
    captioner = NativeCaptioner(loaded, own)
    picture = records[0].path
    fly = Regions.on_the_fly(own, records)
    regions = fly.read([fly.rows[records[0].image_id]])
    assert captioner.caption(picture).text == captioner.caption_regions(regions)[0].text
    plain = Regions.on_the_fly(encoder, records).read([0])
    assert not plain.equal(fly.read([0]))
    with pytest.raises(SignatureError, match=r"upto: 6 against absent; upper: \w+ against absent"):
        NativeCaptioner(loaded, encoder)


def test_stores_of_the_encoder_fit_and_others_do_not(
    records: list[Record],
    encoder: Encoder,
    run: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    captioner = NativeCaptioner(Run.load(run), encoder_of(Run.load(run), weights=tiny_weights))
    extract(records, encoder, tmp_path / "plain")
    plain = Regions.from_store(tmp_path / "plain")
    with pytest.raises(SignatureError, match="make a store of the run's encoder with"):
        caption_split(captioner, records, plain)
    extract(records, encoder_of(Run.load(run), weights=tiny_weights), tmp_path / "own")
    own = Regions.from_store(tmp_path / "own")
    assert weights_hash(own.head) == own.spec.head
    captions, errors = caption_split(captioner, records, own)
    assert (len(captions), errors) == (40, {})
    (tmp_path / "own" / "encoder.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        Regions.from_store(tmp_path / "own")


def test_a_run_on_regions_of_a_fine_tuned_encoder_keeps_it(
    records: list[Record], encoder: Encoder, run: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """As in self-critical training on a store that a fine-tuned run has extracted."""
    initial_run = Run.load(run)
    extract(records, encoder_of(initial_run, weights=tiny_weights), tmp_path / "own")
    regions = Regions.from_store(tmp_path / "own")
    plan = inherit_settings(TrainingPlan(training=FROZEN), initial_run, {})
    setup = prepare_training(records, regions, tmp_path / "run", plan, initial_run=initial_run)
    parts = (setup.decoder, setup.training, setup.validation, regions.read)
    fit(*parts, FROZEN, tmp_path / "run", Callbacks())
    after = Run.load(tmp_path / "run")
    assert after.config.encoder == initial_run.config.encoder
    assert weights_hash(after.head) == weights_hash(initial_run.head)
    assert encoder_of(after, weights=tiny_weights).spec == regions.spec
    for folder in (run, tmp_path / "run"):
        pack(folder, folder / "model", precision="float16")
        assert not (folder / "model" / "encoder.safetensors").exists()
        loaded = [Run.load(path) for path in (folder, folder / "model")]
        whole, small = (NativeCaptioner(r, encoder_of(r, weights=tiny_weights)) for r in loaded)
        paths = [record.path for record in records]
        error = packing_error(whole, small, paths, after.config.search)
        assert (error.same, error.maximum < 1e-2) == (len(records), True)
        specs = [each.config.encoder for each in loaded]
        assert specs[1].frozen_blocks == 6
        assert specs[0].head != specs[1].head  # it is quantised
    (tmp_path / "run" / "encoder.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        Run.load(tmp_path / "run")
    plain = replace(regions, spec=encoder.spec)
    with pytest.raises(SignatureError, match="tushuo extract DATA --run"):
        prepare_training(records, plain, tmp_path / "other", plan, initial_run=initial_run)


def test_fine_tuning_starts_from_the_head_of_a_run(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    initial_run = Run.load(run)
    unchanged = replace(FINE_TUNED, encoder_rate=1e-30, epochs=1, average=0.0)
    fine_tune(records, encoder, trunk, tmp_path, config=unchanged, initial_run=initial_run)
    after = Run.load(tmp_path)
    assert all(after.head[name].equal(weight) for name, weight in initial_run.head.items())
    with pytest.raises(SettingError, match="after the first 6; pass --frozen-blocks 6"):
        split_for_training(encoder, 5, initial_run)


def test_regions_on_the_fly_equal_those_of_the_store(
    records: list[Record], encoder: Encoder, trunk: Regions
) -> None:
    """Except for rounding, since the store has float16."""
    split = split_for_training(encoder, None, None)
    fly = Regions.on_the_fly(split.trunk, records, views=("plain", "flip"))
    pairs = [with_trainable_head(each, split).read([0, 1, 2], [1, 0, 1]) for each in (fly, trunk)]
    assert all(regions.requires_grad for regions in pairs)
    # float16 rounds the grid by 2 ** -11 of it, which the head takes to numbers up to 6
    torch.testing.assert_close(*pairs, rtol=0, atol=4 * 6 * 2**-11)


def test_fine_tuning_distinguishes_pictures_that_a_frozen_head_does_not(
    records: list[Record], encoder: Encoder, trunk: Regions, tmp_path: Path
) -> None:
    """The head maps every picture to the same regions until it is trained.

    Without regions a decoder can at best give each of the different captions equal probability.
    """
    few = [replace(r, split="train", captions=r.captions[:1]) for r in records[:8]]
    few.append(replace(records[8], split="val"))
    settings = {"embedding": 16, "units": 32, "dropout": 0.0}
    losses = []
    for rate in (1e-30, 1e-2):
        split = split_for_training(encoder, None, None)
        torch.nn.init.zeros_(next(split.head.layers[-1].parameters()))
        regions, folder = with_trainable_head(trunk, split), tmp_path / str(rate)
        config = TrainConfig(epochs=40, batch_size=2, learning_rate=1e-2, encoder_rate=rate)
        plan = TrainingPlan(decoder_settings=settings, training=config)
        setup = prepare_training(few, regions, folder, plan)
        parts = (setup.decoder, setup.training, setup.validation, regions.read, config, folder)
        losses.append(fit(*parts, Callbacks(), head=split.head)[-1].train_loss)
    captions = [caption for example in setup.training for caption in example.captions]
    words = sum(len(caption) - 1 for caption in captions)
    blind = len(few[:8]) * math.log(8) / words
    assert losses[0] > blind > losses[1]


def test_regions_that_cannot_be_trained_on_are_refused(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="features of the encoder's frozen blocks"):
        prepare_training(records, trunk, tmp_path / "run", TrainingPlan())
    whole = Regions.on_the_fly(encoder, records)
    with pytest.raises(SettingError, match="extract with --frozen-blocks 6, or leave"):
        with_trainable_head(whole, split_encoder(encoder))
    with pytest.raises(SignatureError, match="upto: 6 against 5"):
        with_trainable_head(trunk, split_encoder(encoder, 5))
    path = run.parent / "damaged"
    path.mkdir(exist_ok=True)
    for file in run.glob("*.*"):
        (path / file.name).write_bytes(file.read_bytes())
    weights = load_file(run / "best.safetensors")
    save_file({k: v for k, v in weights.items() if not k.startswith("encoder.")},
              path / "best.safetensors")  # fmt: skip
    with pytest.raises(RunError, match="lacks the encoder's head"):
        Run.load(path)


def regions_of(captioner: NativeCaptioner, picture: Path) -> torch.Tensor:
    (encoded,) = captioner.encode([picture])
    assert isinstance(encoded, PictureRegions)
    return encoded.regions[None]


def test_fine_tuned_runs_form_an_ensemble(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    run: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """The trunk runs once; each decoder reads the output of its own head."""
    fine_tune(records, encoder, trunk, tmp_path, config=replace(FINE_TUNED, seed=1))
    members = [load(folder, weights=tiny_weights) for folder in (run, tmp_path)]
    both = load([run, tmp_path, run], weights=tiny_weights)
    picture = records[0].path
    regions = [regions_of(member, picture) for member in members]
    # some fifty layers in float32, each of which rounds numbers up to 6 by 2 ** -24 of them
    rounding = 4 * 50 * 6 * 2**-24
    joint = torch.cat(regions, dim=-1)
    torch.testing.assert_close(regions_of(both, picture), joint, rtol=0, atol=rounding)
    assert not regions[0].allclose(regions[1])

    word = torch.tensor([START])
    decoder = deepcopy(both._run.decoder).double()
    step = decoder.step(word, decoder.start(joint.double()))
    decoders = [deepcopy(member._run.decoder).double() for member in members]
    first, second = (
        one.step(word, one.start(own.double())).log_probs.exp()
        for one, own in zip(decoders, regions, strict=True)
    )
    torch.testing.assert_close(step.log_probs.exp(), (2 * first + second) / 3)
    stored = trunk.with_encoder(both._encoder)
    both.require_regions(stored)
    captions = both.caption_regions(stored.read([stored.rows[records[0].image_id]]).float())
    assert captions[0].text == both.caption(picture).text


def test_fine_tuned_runs_can_teach_a_run_that_is_fine_tuned(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    run: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """Each teacher uses its own head, on the student's view."""
    fine_tune(records, encoder, trunk, tmp_path / "other", config=replace(FINE_TUNED, seed=1))
    runs = [Run.load(folder) for folder in (run, tmp_path / "other")]
    joint = ensemble(runs)
    stored = trunk.with_encoder(encoder_of(joint, weights=tiny_weights))
    teachers = Teachers(runs, stored, 0.5)
    runs64 = [replace(one, decoder=deepcopy(one.decoder).double()) for one in runs]
    stored64 = replace(stored, read=lambda rows, views=None: stored.read(rows, views).double())
    rows, views = [0, 3], [1, 0]
    batch = collate([Example(row, [[START, 5, 6], [START, 7]]) for row in rows])
    mean = torch.zeros(())
    for teacher in runs64:
        own = trunk.with_encoder(encoder_of(teacher, weights=tiny_weights)).read(rows, views)
        probabilities = teacher.decoder(own.double(), batch.words, batch.pictures).softmax(-1)
        mean = mean + probabilities / len(runs)
    # each reads regions of some fifty layers in float32, which rounds numbers up to 6
    actual = Teachers(runs64, stored64, 0.5)(batch, views)
    torch.testing.assert_close(actual, mean, rtol=0, atol=4 * 50 * 6 * 2**-24)

    config = replace(FINE_TUNED, epochs=1, epoch_steps=2)
    fine_tune(records, encoder, trunk, tmp_path / "student", config=config, teachers=teachers)
    fine_tune(records, encoder, trunk, tmp_path / "alone", config=config)
    student, alone = (Run.load(tmp_path / name) for name in ("student", "alone"))
    assert all(not student.head[name].equal(alone.head[name]) for name in student.head)
    with pytest.raises(SignatureError, match=r"upto: 6 against absent; .*; choose teachers"):
        Teachers(runs, Regions.on_the_fly(encoder, records), 0.5)
