"""Distillation: the loss, the teachers' inputs, exact resume, and runs that cannot be teachers."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import unpack_sequence

from tests.conftest import MeanEncoder
from tests.training.test_train import REGULARISED, Killed, bias
from tushuo.data import Record
from tushuo.decoders.show_attend_gru import ShowAttendGRU
from tushuo.errors import DataError, RunError, SettingError, SignatureError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.runs.run import Run, build_decoder
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import tokenize
from tushuo.text.vocabulary import END, START, VocabularyConfig
from tushuo.training.batches import Example, collate
from tushuo.training.checkpoint import EpochRow
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.loop import Callbacks, fit
from tushuo.training.objective import CrossEntropy
from tushuo.training.plan import TrainingPlan, inherit_settings
from tushuo.training.setup import prepare_training

ONCE = TrainConfig(epochs=1, batch_size=30, learning_rate=3e-3)


@pytest.fixture(scope="module")
def store(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Regions:
    folder = tmp_path_factory.mktemp("store")
    extract(records, MeanEncoder(), folder, views=("plain", "flip"))
    return Regions.from_store(folder)


def learn(
    records: list[Record],
    store: Regions,
    folder: Path,
    training: TrainConfig = ONCE,
    *,
    teachers: Teachers | None = None,
    callbacks: Callbacks | None = None,
    **choices: object,
) -> list[EpochRow]:
    settings = {"embedding": 16, "units": 32, "dropout": 0.3}
    plan = TrainingPlan(decoder_settings=settings, training=training)
    setup = prepare_training(records, store, folder, replace(plan, **choices), teachers=teachers)
    callbacks = replace(callbacks or Callbacks(), validate=bias)
    parts = (setup.decoder, setup.training, setup.validation, store.read, training, folder)
    return fit(*parts, callbacks, teachers=teachers)


@pytest.fixture(scope="module")
def runs(
    records: list[Record], store: Regions, tmp_path_factory: pytest.TempPathFactory
) -> list[Run]:
    """Return two runs with different weights."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed in (0, 1):
        learn(records, store, folder / str(seed), replace(ONCE, seed=seed))
    return [Run.load(folder / str(seed)) for seed in (0, 1)]


def student(run: Run, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_decoder(run.config, len(run.vocabulary)).eval()


EXAMPLES = [Example(0, [[START, 5, 6, END], [START, 7, END]]), Example(3, [[START, 9, 4, 8, END]])]


@pytest.mark.parametrize(("weight", "smoothing"), [(0.0, 0.1), (0.3, 0.1), (0.7, 0.0), (1.0, 0.1)])
def test_the_loss_combines_references_and_the_mean_of_the_teachers(
    runs: list[Run], store: Regions, weight: float, smoothing: float
) -> None:
    runs = [replace(run, decoder=deepcopy(run.decoder).double()) for run in runs]
    store64 = replace(store, read=lambda rows, views=None: store.read(rows, views).double())
    batch, views = collate(EXAMPLES), [1, 0]
    regions, model = store64.read([0, 3], views), student(runs[0]).double()
    objective = CrossEntropy(
        EXAMPLES, TrainConfig(label_smoothing=smoothing), Teachers(runs, store64, weight)
    )
    outcome = objective(model, [0, 1], regions, 0.0, views)

    logits = model(regions, batch.words, batch.pictures)
    probabilities = [run.decoder(regions, batch.words, batch.pictures).softmax(-1) for run in runs]
    references = cross_entropy(logits, batch.targets, reduction="sum", label_smoothing=smoothing)
    mean = (probabilities[0] + probabilities[1]) / 2
    distilled = -(mean * logits.log_softmax(-1)).sum()
    plain = cross_entropy(logits, batch.targets, reduction="sum").item()
    assert outcome.reported == pytest.approx(plain)
    losses = (outcome.loss, (1 - weight) * references + weight * distilled)
    torch.testing.assert_close(*losses)
    gradients = [torch.autograd.grad(loss, list(model.parameters())) for loss in losses]
    for gradient, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, expected)


def test_teachers_read_the_views_of_the_student_without_dropout(
    records: list[Record], store: Regions, runs: list[Run], tmp_path: Path
) -> None:
    """Their input words are those of the references, whatever the student's are."""
    reads: dict[str, list[object]] = {"student": [], "teachers": []}
    inputs: list[tuple[Tensor, Tensor]] = []

    def recorded(name: str) -> Regions:
        def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Tensor:
            reads[name].append((list(rows), views))
            return store.read(rows, views)

        return replace(store, read=read)

    teachers = Teachers(runs[:1], recorded("teachers"), 0.5)
    decoder = runs[0].decoder
    hook = decoder.register_forward_hook(lambda _, arguments, __: inputs.append(arguments[:2]))
    training = replace(ONCE, word_dropout=0.9, region_dropout=0.9, scheduled_sampling=0.9)
    learn(records, recorded("student"), tmp_path, training, teachers=teachers)
    hook.remove()
    assert reads["teachers"] == [read for read in reads["student"] if read[1] is not None]
    assert {view for _, views in reads["teachers"] for view in views} == {0, 1}
    words = [tokenize(caption, "words") for record in records for caption in record.captions]
    references = {tuple(runs[0].vocabulary.encode(caption)[:-1]) for caption in words}
    for (rows, views), (regions, packed) in zip(reads["teachers"], inputs, strict=True):
        assert regions.equal(store.read(rows, views))
        assert {tuple(caption.tolist()) for caption in unpack_sequence(packed)} <= references


def test_teachers_of_weight_zero_have_no_effect(
    records: list[Record], store: Regions, runs: list[Run], tmp_path: Path
) -> None:
    for name, teachers in (("alone", None), ("taught", Teachers(runs, store, 0.0))):
        learn(records, store, tmp_path / name, REGULARISED, teachers=teachers)
    one, other = (load_file(tmp_path / n / "last.safetensors") for n in ("alone", "taught"))
    assert all(one[key].equal(other[key]) for key in one)


def test_a_student_copies_a_teacher_that_has_memorised_the_captions(
    runs: list[Run], store: Regions
) -> None:
    """From the teacher alone, whose weight is 1."""
    captions = [[4 + (n * k) % 16 for k in range(1, 3 + n % 4)] for n in range(1, 9)]
    examples = [Example(n, [[START, *c, END]]) for n, c in enumerate(captions)]
    torch.manual_seed(1)
    features = torch.rand(8, 16, 3)
    regions = replace(store, read=lambda rows, views=None: features[list(rows)])
    batch, references = collate(examples), CrossEntropy(examples, ONCE)

    def trained(objective: CrossEntropy, seed: int) -> ShowAttendGRU:
        model = student(runs[0], seed)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(200):
            optimizer.zero_grad()
            (objective(model, range(8), features).loss / len(batch.targets)).backward()
            optimizer.step()
        return model.requires_grad_(False)

    teacher = trained(references, 0)
    teachers = Teachers([replace(runs[0], decoder=teacher)], regions, 1.0)
    copy = trained(CrossEntropy(examples, ONCE, teachers), 1)
    assert [best[0].words for best in search(copy, features, SearchConfig())] == captions
    p, q = (
        decoder(features, batch.words, batch.pictures).log_softmax(-1)
        for decoder in (teacher, copy)
    )
    assert (p.exp() * (p - q)).sum(-1).mean() < 0.01


@pytest.mark.parametrize("at", [6, 7])
def test_a_killed_and_resumed_distillation_has_the_same_weights(
    records: list[Record], store: Regions, runs: list[Run], tmp_path: Path, at: int
) -> None:
    teachers, steps = Teachers(runs, store, 0.5), 0
    whole = learn(records, store, tmp_path / "whole", REGULARISED, teachers=teachers)

    def kill(report: object) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise Killed

    often, folder = Callbacks(save_every_seconds=0.0), tmp_path / "killed"
    killer = replace(often, step=kill)
    with pytest.raises(Killed):
        learn(records, store, folder, REGULARISED, teachers=teachers, callbacks=killer)
    loaded = [Run.load(run.folder) for run in runs]
    reloaded = Teachers(loaded, store, 0.5)
    rows = learn(records, store, folder, REGULARISED, teachers=reloaded, callbacks=often)
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert one.keys() == other.keys()
        assert all(one[key].equal(other[key]) for key in one), name
    assert [replace(r, seconds=0.0) for r in whole] == [replace(r, seconds=0.0) for r in rows]


def test_different_teachers_in_the_same_folder_are_refused(
    records: list[Record], store: Regions, runs: list[Run], tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", teachers=Teachers(runs, store, 0.5))
    learn(records, store, tmp_path / "alone")
    taught, alone = (Run.load(tmp_path / name).config for name in ("run", "alone"))
    assert (taught.training, alone.teachers_signature) == (alone.training, None)
    assert taught.signature != alone.signature
    for others in (Teachers(runs[:1], store, 0.5), Teachers(runs, store, 0.4), None):
        with pytest.raises(
            RunError, match=r"another run \(teachers_signature: teachers:\w+\+\w+\|w"
        ):
            learn(records, store, tmp_path / "run", teachers=others)
    with pytest.raises(RunError, match="teachers_signature: None there, teachers:"):
        learn(records, store, tmp_path / "alone", teachers=Teachers(runs, store, 0.5))


def test_runs_that_cannot_be_teachers(
    records: list[Record], store: Regions, runs: list[Run], tmp_path: Path
) -> None:
    teachers, folder = Teachers(runs, store, 0.5), tmp_path / "run"
    with pytest.raises(SettingError, match=r"teacher_weight must be from 0 to 1, got 1.5"):
        Teachers(runs, store, 1.5)
    other = replace(store, spec=replace(store.spec, side=64))
    with pytest.raises(SignatureError, match=r"side: 32 against 64; choose teachers that were tr"):
        Teachers(runs, other, 0.5)
    fewer = VocabularyConfig(size=12)
    with pytest.raises(SignatureError, match=r"and of the student differ in vocabulary: "):
        learn(records, store, folder, teachers=teachers, vocabulary=fewer)
    elsewhere = replace(store, signature=f"{store.signature}|more:1")
    with pytest.raises(SignatureError, match=r"store and the student's differ in more"):
        learn(records, elsewhere, folder, teachers=teachers)
    plan = TrainingPlan(training=replace(ONCE, samples=3))
    plan = inherit_settings(plan, runs[0], {})
    with pytest.raises(SettingError, match=r"--samples 3 cannot be combined with 2 teachers"):
        prepare_training(records, store, folder, plan, initial_run=runs[0], teachers=teachers)
    trained = next(record for record in records if record.split == "train")
    both = [*records, replace(trained, split="val")]
    with pytest.raises(DataError, match=r"too high; choose teachers with the same split"):
        learn(both, store, folder, teachers=teachers)
    assert not folder.exists()
