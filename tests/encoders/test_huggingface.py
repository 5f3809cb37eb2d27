"""Tiny random models of the hub's architectures, with the preprocessing of the real ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tushuo import encoders
from tushuo.encoders.resize import resize
from tushuo.errors import MissingPartError, SettingError, WeightsError

transformers = pytest.importorskip(
    "transformers", reason="requires pip install 'tushuo[huggingface]'"
)

TOWER = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 64, "patch_size": 16,
}  # fmt: skip
TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1} | {
    "num_attention_heads": 1, "vocab_size": 20, "max_position_embeddings": 8
}  # fmt: skip
SQUASH = {"do_resize": True, "size": {"height": 64, "width": 64}, "resample": 2}
CROP = {
    "do_resize": True, "size": {"shortest_edge": 72}, "do_center_crop": True, "resample": 3,
    "crop_size": {"height": 64, "width": 64},
    "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28],
}  # fmt: skip
CONVNEXT = {"size": {"shortest_edge": 64}, "crop_pct": 0.875, "resample": 3}
T = transformers
MODELS: dict[str, tuple[Any, dict[str, Any], int, int]] = {
    "vit": (T.ViTConfig(**TOWER), SQUASH | {"image_processor_type": "ViTImageProcessor"}, 4, 32),
    "dinov2": (
        T.Dinov2WithRegistersConfig(**TOWER, num_register_tokens=4),
        CROP | {"image_processor_type": "BitImageProcessor"}, 4, 32,
    ),
    "clip": (
        T.CLIPConfig(text_config=TEXT, vision_config=TOWER),
        CROP | {"image_processor_type": "CLIPImageProcessor"}, 4, 32,
    ),
    "siglip": (
        T.SiglipConfig(text_config=TEXT, vision_config=TOWER),
        SQUASH | {"image_processor_type": "SiglipImageProcessor", "resample": 3}, 4, 32,
    ),
    "convnext": (
        T.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
        CONVNEXT | {"image_processor_type": "ConvNextImageProcessor"}, 2, 32,
    ),
    "resnet": (
        T.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
        CONVNEXT | {"image_processor_type": "ConvNextImageProcessor"}, 2, 32,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def model_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config, preprocessing, _, _ = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    T.AutoModel.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return folder


def test_grid_and_preprocessing_equal_the_library_s(model_folder: Path) -> None:
    """The same picture, not square, through transformers' own processor and model."""
    kind = model_folder.name.rstrip("0")
    encoder = encoders.load(f"hf:{model_folder}")
    _, _, rows, width = MODELS[kind]
    assert (encoder.spec.rows, encoder.spec.columns, encoder.spec.width) == (rows, rows, width)
    ramp = np.linspace(0, 255, 90 * 120).reshape(90, 120)
    picture = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1).astype(np.uint8)
    processor = T.AutoImageProcessor.from_pretrained(model_folder, use_fast=False)
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    model = T.AutoModel.from_pretrained(model_folder).eval()
    hidden = getattr(model, "vision_model", model)(pixel_values=pixels).last_hidden_state
    if hidden.ndim == 4:
        hidden = hidden.flatten(2).transpose(1, 2)
    ours = encoder(resize(picture, encoder.spec)[None])
    difference = (ours - hidden[:, -rows * rows :]).abs().mean() / hidden.abs().mean()
    assert difference < 0.02  # the two resizers round some pixels differently


def test_the_signature_changes_with_the_preprocessing(model_folder: Path) -> None:
    spec = encoders.load(f"hf:{model_folder}").spec
    settings = json.loads((model_folder / "preprocessor_config.json").read_text())
    (model_folder / "preprocessor_config.json").write_text(
        json.dumps(settings | {"image_std": [1, 1, 1]})
    )
    other = encoders.load(f"hf:{model_folder}").spec
    (model_folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert spec.signature != other.signature
    assert encoders.load(f"hf:{model_folder}").spec == spec


def test_regions_are_on_the_device_of_the_encoder(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "require_device", torch.device)
    encoder = encoders.load(f"hf:{model_folder}", device="meta")
    assert encoder.spec == encoders.load(f"hf:{model_folder}").spec
    regions = encoder(torch.zeros(2, 3, encoder.spec.side, encoder.spec.side, dtype=torch.uint8))
    assert regions.device.type == "meta"
    assert regions.shape == (2, encoder.spec.regions, encoder.spec.width)


@pytest.mark.gpu
def test_gpu_regions_equal_those_of_the_cpu(model_folder: Path) -> None:
    device = torch.accelerator.current_accelerator()
    cpu, gpu = (
        encoders.load(f"hf:{model_folder}"),
        encoders.load(f"hf:{model_folder}", device=str(device)),
    )
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, cpu.spec.side, cpu.spec.side)
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    expected = cpu(pictures)
    assert (gpu(pictures).cpu() - expected).abs().max() < 1e-4 * expected.abs().max()


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="cannot be opened as a vision model"):
        encoders.load(f"hf:{tmp_path}")
    with pytest.raises(WeightsError, match="efficientnet_lite2"):
        encoders.load("hf:nobody/nothing-of-this-name")
    with pytest.raises(SettingError, match="--weights cannot be combined with hf:x"):
        encoders.load("hf:x", weights=tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingPartError, match=r"tushuo\[huggingface\]"):
        encoders.load(f"hf:{tmp_path}")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    config, preprocessing, *_ = MODELS["vit"]
    model = T.AutoModel.from_config(config)
    config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    with pytest.raises(WeightsError, match="safetensors"):
        encoders.load(f"hf:{tmp_path}")
