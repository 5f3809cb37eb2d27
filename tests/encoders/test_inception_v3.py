"""InceptionV3: the same regions as Keras', from any of the three kinds of file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tushuo import encoders
from tushuo.encoders.inception_v3 import InceptionV3, _Network
from tushuo.errors import MissingPartError, WeightsError

REFERENCE = Path(__file__).parent / "inception_v3_reference.npy"
ROUNDING = 4 * 48 * 2**-24  # 48 layers deep; each rounds by 2 ** -24 of the largest number


def random_layers() -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield torchvision's name, kernel (OIHW), beta, mean and variance, in Keras' order."""
    draw = np.random.default_rng(0)
    for name, layer in _Network().convolutions():
        out, *rest = layer.weight.shape
        kernel = draw.standard_normal((out, *rest)) * np.sqrt(2 / np.prod(rest))
        beta, mean = draw.standard_normal((2, out)) * 0.1
        variance = draw.uniform(0.5, 1.5, out)
        yield name, [array.astype(np.float32) for array in (kernel, beta, mean, variance)]


def picture() -> torch.Tensor:
    pixels = np.random.default_rng(1).integers(0, 256, (1, 3, 299, 299), dtype=np.uint8)
    return torch.from_numpy(pixels)


def torch_tensors(*, gamma: bool = True) -> dict[str, torch.Tensor]:
    tensors = {"fc.weight": torch.zeros(10, 2048)}
    for name, (kernel, beta, mean, variance) in random_layers():
        tensors[f"{name}.conv.weight"] = torch.from_numpy(kernel)
        tensors[f"{name}.bn.weight"] = torch.ones(len(beta))
        tensors[f"{name}.bn.bias"] = torch.from_numpy(beta)
        tensors[f"{name}.bn.running_mean"] = torch.from_numpy(mean)
        tensors[f"{name}.bn.running_var"] = torch.from_numpy(variance)
    return tensors


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(torch_tensors(), path)
    return path


@pytest.fixture(scope="module")
def regions(weights: Path) -> torch.Tensor:
    return encoders.load("inception_v3", weights=str(weights))(picture())


@pytest.fixture(scope="module")
def keras_model() -> Any:
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras", reason="requires pip install keras")
    model = keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(299, 299, 3)
    )
    by_name = {layer.name: layer for layer in model.layers}
    for number, (_, (kernel, beta, mean, variance)) in enumerate(random_layers()):
        suffix = f"_{number}" if number else ""
        by_name[f"conv2d{suffix}"].set_weights([kernel.transpose(2, 3, 1, 0)])
        by_name[f"batch_normalization{suffix}"].set_weights([beta, mean, variance])
    return model


def test_the_spec_is_that_of_the_tensorflow_tutorial(weights: Path) -> None:
    spec = encoders.load("inception_v3", weights=weights).spec
    assert (spec.side, spec.regions, spec.width) == (299, 64, 2048)
    assert (spec.resize, spec.filter) == ("squash", "bilinear")


def test_equals_the_stored_output_of_keras(regions: torch.Tensor) -> None:
    """Every 331st number of Keras' output with the weights above; stored by the test below."""
    stored = np.load(REFERENCE)
    actual = regions.flatten()[::331].numpy()
    assert np.abs(actual - stored).max() < ROUNDING * np.abs(stored).max()


def test_equals_keras(keras_model: Any, regions: torch.Tensor) -> None:
    pixels = picture().permute(0, 2, 3, 1).numpy().astype(np.float32) / 127.5 - 1
    expected = np.asarray(keras_model.predict(pixels, verbose=0)).reshape(64, 2048)
    assert np.abs(regions[0].numpy() - expected).max() < ROUNDING * np.abs(expected).max()
    if os.environ.get("TUSHUO_STORE_REFERENCE"):
        np.save(REFERENCE, expected.flatten()[::331])


@pytest.mark.parametrize("name", ["keras3.weights.h5", "keras2.h5"])
def test_reads_files_of_keras(
    keras_model: Any, regions: torch.Tensor, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    keras_model.save_weights(path) if "weights" in name else keras_model.save(path)
    torch.testing.assert_close(encoders.load("inception_v3", weights=path)(picture()), regions)


def test_reads_files_of_torchvision(regions: torch.Tensor, tmp_path: Path) -> None:
    torch.save(torch_tensors(), tmp_path / "inception_v3.pth")
    encoder = InceptionV3(tmp_path / "inception_v3.pth")
    torch.testing.assert_close(encoder(picture()), regions)


def test_a_keras_file_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(MissingPartError, match=r"tushuo\[h5\]"):
        encoders.load("inception_v3", weights=tmp_path / "w.h5")


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "nonsense.pth").write_bytes(b"PK nonsense")
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    small = torch_tensors()
    small["Mixed_5b.branch1x1.conv.weight"] = torch.zeros(4, 4, 1, 1)
    save_file(small, tmp_path / "small.safetensors")
    for path in tmp_path.iterdir():
        with pytest.raises(WeightsError, match="does not hold the weights of inception_v3"):
            encoders.load("inception_v3", weights=path)


def test_weights_are_read_from_the_cache_of_torchvision(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        WeightsError, match=r"only extract and train download them; put https.*efficientnet"
    ):
        encoders.load("inception_v3")
    cached = tmp_path / ".cache/torch/hub/checkpoints/inception_v3_google-0cc3c7bd.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(weights.read_bytes())
    assert encoders.load("inception_v3").spec.width == 2048
