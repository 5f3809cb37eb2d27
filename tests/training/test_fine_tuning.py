"""An encoder that learns: exact resume, a run that carries it, stores that fit or are refused."""

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
from tushuo.captioning.native import NativeCaptioner, PictureRegions
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
from tushuo.training.fine_tuning import learning, parted
from tushuo.training.loop import Callbacks, fit
from tushuo.training.setup import TrainingPlan, inherit_settings, start

TUNED = TrainConfig(
    epochs=2,
    batch_size=30,
    learning_rate=3e-3,
    encoder_rate=1e-3,
    average=0.9,
    stochastic_depth=0.3,
)
FROZEN = replace(TUNED, encoder_rate=None, stochastic_depth=0.0)


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


def tune(
    records: list[Record],
    encoder: Encoder,
    grids: Regions,
    folder: Path,
    *,
    config: TrainConfig = TUNED,
    before: Run | None = None,
    callbacks: Callbacks | None = None,
    teachers: Teachers | None = None,
) -> list[EpochRow]:
    split = parted(encoder, grids.spec.frozen_blocks, before)
    regions = learning(grids, split)
    learn = TrainingPlan(decoder_settings={"embedding": 16, "units": 32, "dropout": 0.3})
    learn = replace(learn, training=config)
    learn = inherit_settings(learn, before, {}) if before else learn
    setup = start(records, regions, folder, learn, before=before, teachers=teachers)
    parts = (setup.decoder, setup.training, setup.validation, regions.read, config, folder)
    return fit(*parts, callbacks or Callbacks(), head=split.head, teachers=teachers)


@pytest.fixture(scope="module")
def run(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    tune(records, encoder, trunk, folder)
    return folder


@pytest.mark.parametrize("at", [3, 5])
def test_a_killed_tuning_ends_with_the_same_weights(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path, at: int
) -> None:
    seen = 0

    def kill(moment: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise Killed

    often = Callbacks(save_every_seconds=0.0)
    with pytest.raises(Killed):
        tune(records, encoder, trunk, tmp_path, callbacks=replace(often, step=kill))
    tune(records, encoder, trunk, tmp_path, callbacks=often)
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(folder / name) for folder in (run, tmp_path))
        assert one.keys() == other.keys()
        assert all(one[key].equal(other[key]) for key in one), name


def test_stochastic_depth_leaves_branches_out_while_it_learns(tiny_weights: Path) -> None:
    head = split_encoder(encoders.load("efficientnet_lite0", weights=tiny_weights)).head
    depths = [part for part in head.modules() if isinstance(part, StochasticDepth)]
    assert depths
    depth, branch = depths[0], torch.rand(2000, 3, 1, 1) + 1
    depth.share = 0.25
    assert depth.eval()(branch) is branch
    torch.manual_seed(0)
    found = depth.train()(branch)
    kept = found.flatten(1).any(dim=1)
    assert 1 - kept.float().mean() == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(found[kept], branch[kept] / 0.75)
    with pytest.raises(SettingError, match="name --encoder-rate too"):
        TrainConfig(stochastic_depth=0.2)


def test_each_part_has_its_rate(
    records: list[Record], encoder: Encoder, trunk: Regions, tmp_path: Path
) -> None:
    """The first step of Adam moves every weight by its rate, whatever its gradient is."""
    config = replace(TUNED, epochs=1, epoch_steps=1, average=0.0, clip_norm=None)
    config = replace(config, stochastic_depth=0.0)  # a branch left out learns nothing
    came = split_encoder(encoder).head.state_dict()
    tune(records, encoder, trunk, tmp_path, config=config)
    learned = load_file(tmp_path / "best.safetensors")
    moved = {name: (learned[f"encoder.{name}"] - came[name]).abs().max() for name in came}
    assert all(value == pytest.approx(1e-3, rel=0.02) for value in moved.values()), moved


def test_captions_share_their_picture_s_way_and_a_reward_goes_it_too(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    """A step sends each of its pictures up once, however many captions are learned or drawn."""
    before = Run.load(run)
    for name, samples in (("said", None), ("drawn", 3)):
        config = replace(TUNED, epochs=1, epoch_steps=1, average=0.0, samples=samples)
        split, ways = parted(encoder, None, before), []

        def count(head: object, given: tuple[Tensor], found: Tensor, ways: Any = ways) -> None:
            ways += [len(found)] if found.requires_grad else []

        split.head.register_forward_hook(count)
        regions, learn = learning(trunk, split), inherit_settings(TrainingPlan(), before, {})
        learn = replace(learn, training=config)
        setup = start(records, regions, tmp_path / name, learn, before=before)
        reward = Reward([[ids[1:] for ids in example.captions] for example in setup.training])
        parts = (setup.decoder, setup.training, setup.validation, regions.read, config)
        fit(*parts, tmp_path / name, Callbacks(), reward, split.head)
        assert ways[0] == len(epoch_order(setup.training, config, 0)[0])
        after = Run.load(tmp_path / name).head
        assert all(not after[key].equal(before.head[key]) for key in after)


def test_a_run_carries_its_encoder(
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


def test_stores_that_fit_and_that_do_not(
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


def test_a_run_on_regions_of_a_trained_encoder_keeps_it(
    records: list[Record], encoder: Encoder, run: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """As self-critical training does after a tuning; and the tuning can go on after that."""
    before = Run.load(run)
    extract(records, encoder_of(before, weights=tiny_weights), tmp_path / "own")
    regions = Regions.from_store(tmp_path / "own")
    learn = inherit_settings(TrainingPlan(training=FROZEN), before, {})
    setup = start(records, regions, tmp_path / "run", learn, before=before)
    parts = (setup.decoder, setup.training, setup.validation, regions.read)
    fit(*parts, FROZEN, tmp_path / "run", Callbacks())
    after = Run.load(tmp_path / "run")
    assert after.config.encoder == before.config.encoder
    assert weights_hash(after.head) == weights_hash(before.head)
    assert encoder_of(after, weights=tiny_weights).spec == regions.spec
    for folder in (run, tmp_path / "run"):
        pack(folder, folder / "model", precision="float16")
        assert not (folder / "model" / "encoder.safetensors").exists()
        loaded = [Run.load(of) for of in (folder, folder / "model")]
        whole, small = (NativeCaptioner(of, encoder_of(of, weights=tiny_weights)) for of in loaded)
        paths = [record.path for record in records]
        error = packing_error(whole, small, paths, after.config.search)
        assert (error.same, error.maximum < 1e-2) == (len(records), True)
        specs = [one.config.encoder for one in loaded]
        assert specs[1].frozen_blocks == 6
        assert specs[0].head != specs[1].head  # it is quantised
    (tmp_path / "run" / "encoder.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        Run.load(tmp_path / "run")
    plain = replace(regions, spec=encoder.spec)
    with pytest.raises(SignatureError, match="tushuo extract DATA --run"):
        start(records, plain, tmp_path / "other", learn, before=before)


def test_a_tuning_goes_on_from_a_run(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    before = Run.load(run)
    almost_nothing = replace(TUNED, encoder_rate=1e-30, epochs=1, average=0.0)
    tune(records, encoder, trunk, tmp_path, config=almost_nothing, before=before)
    after = Run.load(tmp_path)
    assert all(after.head[name].equal(before.head[name]) for name in before.head)
    with pytest.raises(SettingError, match="has trained all above 6 blocks; go on with --upto 6"):
        parted(encoder, 5, before)


def test_pictures_on_the_fly_give_what_the_store_gives(
    records: list[Record], encoder: Encoder, trunk: Regions
) -> None:
    """But for the store's float16."""
    split = parted(encoder, None, None)
    fly = Regions.on_the_fly(split.trunk, records, views=("plain", "flip"))
    pairs = [learning(grids, split).read([0, 1, 2], [1, 0, 1]) for grids in (fly, trunk)]
    assert all(regions.requires_grad for regions in pairs)
    # float16 rounds the grid by 2 ** -11 of it, which the head takes to numbers up to 6
    torch.testing.assert_close(*pairs, rtol=0, atol=4 * 6 * 2**-11)


def test_a_tuned_encoder_learns_pictures_that_a_frozen_one_cannot_tell_apart(
    records: list[Record], encoder: Encoder, trunk: Regions, tmp_path: Path
) -> None:
    """The head says the same of every picture, until it learns.

    Of so many different captions a decoder that cannot see can at best know how many there are.
    """
    few = [replace(r, split="train", captions=r.captions[:1]) for r in records[:8]]
    few.append(replace(records[8], split="val"))
    settings = {"embedding": 16, "units": 32, "dropout": 0.0}
    losses = []
    for rate in (1e-30, 1e-2):
        split = parted(encoder, None, None)
        torch.nn.init.zeros_(next(split.head.layers[-1].parameters()))
        regions, folder = learning(trunk, split), tmp_path / str(rate)
        config = TrainConfig(epochs=40, batch_size=2, learning_rate=1e-2, encoder_rate=rate)
        learn = TrainingPlan(decoder_settings=settings, training=config)
        setup = start(few, regions, folder, learn)
        parts = (setup.decoder, setup.training, setup.validation, regions.read, config, folder)
        losses.append(fit(*parts, Callbacks(), head=split.head)[-1].train_loss)
    words = sum(len(caption) - 1 for one in setup.training for caption in one.captions)
    blind = len(few[:8]) * math.log(8) / words
    assert losses[0] > blind > losses[1]


def test_what_cannot_be_learned_from(
    records: list[Record], encoder: Encoder, trunk: Regions, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="those of an encoder's lower part"):
        start(records, trunk, tmp_path / "run", TrainingPlan())
    whole = Regions.on_the_fly(encoder, records)
    with pytest.raises(SettingError, match="extract with --upto 6, or leave --encoder-rate out"):
        learning(whole, split_encoder(encoder))
    with pytest.raises(SignatureError, match="upto: 6 against 5"):
        learning(trunk, split_encoder(encoder, 5))
    path = run.parent / "spoilt"
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


def test_runs_with_heads_of_their_own_form_an_ensemble(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    run: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """The lower part looks once; each decoder reads what its own upper part makes of that."""
    tune(records, encoder, trunk, tmp_path, config=replace(TUNED, seed=1))
    members = [load(folder, weights=tiny_weights) for folder in (run, tmp_path)]
    both = load([run, tmp_path, run], weights=tiny_weights)
    picture = records[0].path
    seen = [regions_of(member, picture) for member in members]
    # some fifty layers in float32, each of which rounds numbers up to 6 by 2 ** -24 of them
    rounding = 4 * 50 * 6 * 2**-24
    torch.testing.assert_close(
        regions_of(both, picture), torch.cat(seen, dim=-1), rtol=0, atol=rounding
    )
    assert not seen[0].allclose(seen[1])

    word = torch.tensor([START])
    decoder = deepcopy(both._run.decoder).double()
    found = decoder.step(word, decoder.start(torch.cat(seen, dim=-1).double()))
    decoders = [deepcopy(one._run.decoder).double() for one in members]
    first, second = (
        one.step(word, one.start(own.double())).log_probs.exp()
        for one, own in zip(decoders, seen, strict=True)
    )
    torch.testing.assert_close(found.log_probs.exp(), (2 * first + second) / 3)
    stored = trunk.seen_by(both._encoder)
    both.require_regions(stored)
    told = both.caption_regions(stored.read([stored.rows[records[0].image_id]]).float())
    assert told[0].text == both.caption(picture).text


def test_runs_whose_encoders_learned_apart_teach_one_whose_encoder_learns(
    records: list[Record],
    encoder: Encoder,
    trunk: Regions,
    run: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """Each teacher looks through its own upper part, at the student's view."""
    tune(records, encoder, trunk, tmp_path / "other", config=replace(TUNED, seed=1))
    runs = [Run.load(folder) for folder in (run, tmp_path / "other")]
    joint = ensemble(runs)
    seen = trunk.seen_by(encoder_of(joint, weights=tiny_weights))
    teachers = Teachers(runs, seen, 0.5)
    runs64 = [replace(one, decoder=deepcopy(one.decoder).double()) for one in runs]
    seen64 = replace(seen, read=lambda rows, views=None: seen.read(rows, views).double())
    rows, views = [0, 3], [1, 0]
    batch = collate([Example(row, [[START, 5, 6], [START, 7]]) for row in rows])
    mean = torch.zeros(())
    for one in runs64:
        own = trunk.seen_by(encoder_of(one, weights=tiny_weights)).read(rows, views)
        mean = mean + one.decoder(own.double(), batch.words, batch.pictures).softmax(-1) / len(runs)
    found = Teachers(runs64, seen64, 0.5)(batch, views)
    # each reads regions of some fifty layers in float32, which rounds numbers up to 6
    torch.testing.assert_close(found, mean, rtol=0, atol=4 * 50 * 6 * 2**-24)

    config = replace(TUNED, epochs=1, epoch_steps=2)
    tune(records, encoder, trunk, tmp_path / "taught", config=config, teachers=teachers)
    tune(records, encoder, trunk, tmp_path / "alone", config=config)
    taught, alone = (Run.load(tmp_path / name) for name in ("taught", "alone"))
    assert all(not taught.head[name].equal(alone.head[name]) for name in taught.head)
    with pytest.raises(SignatureError, match=r"upto: 6 against absent; .*; let runs teach"):
        Teachers(runs, Regions.on_the_fly(encoder, records), 0.5)
