"""What is opened, what is refused by name, and that the hub is not asked."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.captioning.huggingface.conftest import Models
from tushuo import load
from tushuo.captioning.huggingface import loading, processors
from tushuo.captioning.huggingface.loading import open_model
from tushuo.captioning.huggingface.prompts import CHAT, FAMILIES, clean, family_of, prompt_of
from tushuo.errors import MissingPartError, SettingError, WeightsError

# Repositories of captioning models, and the type that their config.json states.
REPOSITORIES = {
    "nlpconnect/vit-gpt2-image-captioning": "vision-encoder-decoder",
    "Salesforce/blip-image-captioning-base": "blip",
    "Salesforce/blip-image-captioning-large": "blip",
    "Salesforce/blip2-opt-2.7b": "blip-2",
    "Salesforce/blip2-flan-t5-xl": "blip-2",
    "Salesforce/instructblip-flan-t5-xl": "instructblip",
    "Salesforce/instructblip-vicuna-7b": "instructblip",
    "microsoft/git-base-coco": "git",
    "microsoft/git-large-textcaps": "git",
    "google/pix2struct-textcaps-base": "pix2struct",
    "florence-community/Florence-2-base": "florence2",
    "microsoft/kosmos-2-patch14-224": "kosmos-2",
    "google/paligemma-3b-mix-224": "paligemma",
    "google/paligemma2-3b-mix-224": "paligemma",
    "HuggingFaceTB/SmolVLM-256M-Instruct": "idefics3",
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": "smolvlm",
    "HuggingFaceM4/Idefics3-8B-Llama3": "idefics3",
    "HuggingFaceM4/idefics2-8b": "idefics2",
    "Qwen/Qwen2-VL-2B-Instruct": "qwen2_vl",
    "Qwen/Qwen2.5-VL-3B-Instruct": "qwen2_5_vl",
    "Qwen/Qwen3-VL-2B-Instruct": "qwen3_vl",
    "llava-hf/llava-1.5-7b-hf": "llava",
    "llava-hf/llava-v1.6-mistral-7b-hf": "llava_next",
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": "llava_onevision",
    "google/gemma-3-4b-it": "gemma3",
    "OpenGVLab/InternVL3-1B-hf": "internvl",
    "meta-llama/Llama-3.2-11B-Vision-Instruct": "mllama",
}  # fmt: skip


@pytest.mark.parametrize(("repository", "model_type"), REPOSITORIES.items())
def test_real_repositories_would_be_recognised(repository: str, model_type: str) -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN,
    )

    assert model_type in KNOWN
    family = family_of(model_type, SimpleNamespace(chat_template="{{ messages }}"), repository)
    assert family is (FAMILIES.get(model_type) or CHAT)
    assert isinstance(prompt_of(family, "en", None, repository), str)


def test_a_model_without_prompt_or_template_is_refused() -> None:
    with pytest.raises(SettingError, match="neither a known prompt nor a chat template"):
        family_of("fuyu", SimpleNamespace(chat_template=None), "hf:adept/fuyu-8b")
    with pytest.raises(SettingError, match="prompt was empty"):
        prompt_of(FAMILIES["blip"], "en", " ", "hf:x")


@pytest.fixture
def folder(models: Models, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.folder("blip"), tmp_path / "blip"))


def change(folder: Path, **settings: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    name = f"hf:{folder}"
    change(folder, model_type="bert")
    with pytest.raises(SettingError, match=r"type bert, which transformers .* does not know"):
        load(name)
    change(folder, model_type="moondream1", auto_map={"AutoModel": "code.py"})
    with pytest.raises(SettingError, match="would run code of its repository"):
        load(name)
    change(folder, model_type="blip")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        WeightsError, match=r"has no \*\.safetensors, and other weights may contain"
    ):
        load(name)
    (folder / "model.safetensors").write_bytes((folder / "pytorch_model.bin").read_bytes()[:999])
    with pytest.raises(WeightsError, match=r"cannot be opened: .*; copy or download it again"):
        load(name)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"no readable config\.json"):
        load(name)
    (folder / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="names no model_type"):
        load(name)
    with pytest.raises(SettingError, match="hf: names no model"):
        load("hf:")


def test_a_repository_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("hf:nobody/nothing", "hf:not a name", "hf:nobody/nothing@v1"):
        with pytest.raises(WeightsError, match="neither a folder nor in the cache"):
            load(name)


def test_a_repository_in_the_cache(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit is the revision; the fixture refuses the network."""
    commit = "0123456789abcdef" * 2 + "01234567"
    root = tmp_path / "hub" / "models--someone--blip"
    shutil.copytree(models.folder("blip"), root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    captioner = load("hf:someone/blip")
    assert captioner.info.weights == commit[:16]
    assert f"model:hf=someone/blip|revision:{commit[:16]}|" in captioner.signature()
    assert load(f"hf:someone/blip@{commit}").info.weights == commit[:16]


def test_the_folder_s_hash_changes_with_its_files(folder: Path) -> None:
    first = load(f"hf:{folder}").info.weights
    change(folder, image_text_hidden_size=99)
    assert load(f"hf:{folder}").info.weights != first


def test_memory_is_checked_before_loading(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    10 kB\n")
    monkeypatch.setattr(loading, "MEMORY", tmp_path / "meminfo")
    with pytest.raises(WeightsError, match=r"needs .* of memory for its weights, but .* are free"):
        load(f"hf:{folder}")
    monkeypatch.setattr(loading, "MEMORY", tmp_path / "none")  # another system
    assert load(f"hf:{folder}")


def test_precision(folder: Path) -> None:
    captioner = load(f"hf:{folder}", precision="bfloat16")
    assert "precision:bfloat16" in captioner.signature()
    loaded = open_model(f"hf:{folder}", device=torch.device("cpu"), precision="bfloat16")
    assert loaded.model.dtype == torch.bfloat16


def test_options_of_runs_and_models_exclude_each_other(folder: Path) -> None:
    with pytest.raises(SettingError, match="weights cannot be combined"):
        load(f"hf:{folder}", weights="x")
    with pytest.raises(SettingError, match="settings of hf: models alone"):
        load(prompt="hello")


def test_without_transformers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingPartError, match=r"'tushuo\[huggingface\]'"):
        load(f"hf:{folder}")


def test_processors_of_videos_do_without_torchvision(models: Models) -> None:
    for family in ("smolvlm", "qwen2_vl", "llava_onevision"):
        processor, tokenizer = processors.load_processor(models.folder(family), family)
        assert processor.chat_template
        assert tokenizer.padding_side == "left"


@pytest.mark.parametrize(
    ("written", "caption"),
    [
        ("a dog\n", "a dog"),
        ("<s>a  dog</s>", "a dog"),
        ("<loc_12><loc_99>a dog<|im_end|>", "a dog"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
        ("一只狗。", "一只狗。"),
    ],
)
def test_answers_are_cleaned(written: str, caption: str) -> None:
    assert clean(written) == caption


def test_captioning_models_in_the_cache_are_listed(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._cache_manager.HF_HUB_CACHE", str(tmp_path))
    assert loading.cached_models() == []
    for name, model_type in (("blip", "blip"), ("bert", "bert")):
        root = tmp_path / f"models--someone--{name}"
        folder = root / "snapshots" / ("0" * 40)
        shutil.copytree(models.folder("blip"), folder)
        change(folder, model_type=model_type)
        (root / "refs").mkdir()
        (root / "refs" / "main").write_text("0" * 40)
    (found,) = loading.cached_models()
    assert found.startswith("hf:someone/blip, ")
