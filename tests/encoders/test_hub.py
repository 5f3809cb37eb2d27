"""Folders of models, and a cache of the hub made here; the hub itself is never asked."""

import json
from pathlib import Path

import pytest

from tushuo.encoders import hub
from tushuo.errors import WeightsError

huggingface_hub = pytest.importorskip(
    "huggingface_hub", reason="requires pip install 'tushuo[huggingface]'"
)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PARTS = ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the snapshot of a repository in an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--owner--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    return snapshot


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the repositories that the hub was asked for."""
    names: list[str] = []
    from_cache = huggingface_hub.snapshot_download

    def snapshot_download(
        name: str,
        *,
        revision: str | None,
        allow_patterns: list[str],
        local_files_only: bool = False,
    ) -> str:
        assert not {"*.bin", "*.py", "*"} & set(allow_patterns)
        if not local_files_only:
            names.append(f"{name}@{revision}" if revision else name)
            raise OSError("no network")
        return str(
            from_cache(
                name, revision=revision, allow_patterns=allow_patterns, local_files_only=True
            )
        )

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return names


def test_a_folder_is_itself(tmp_path: Path, asked: list[str]) -> None:
    assert hub.model_folder(tmp_path) == tmp_path
    assert hub.model_folder(f"hf:{tmp_path}") == tmp_path
    with pytest.raises(WeightsError, match="no such folder; name the folder of a model, or a rep"):
        hub.model_folder("owner/model")
    assert not asked


def test_the_hub_is_asked_only_for_what_the_cache_lacks(cache: Path, asked: list[str]) -> None:
    for part in PARTS:
        with pytest.raises(WeightsError, match="cannot be downloaded: no network; check its name"):
            hub.model_folder("hf:owner/model")
        (cache / part).write_bytes(b"")
    assert len(asked) == len(PARTS)
    assert hub.model_folder("hf:owner/model") == cache
    assert hub.model_folder(f"hf:owner/model@{COMMIT}") == cache
    assert len(asked) == len(PARTS)
    with pytest.raises(WeightsError, match="no network"):
        hub.model_folder("hf:owner/model@other")
    assert asked[-1] == "owner/model@other"


def test_all_files_of_divided_weights_must_be_there(cache: Path, asked: list[str]) -> None:
    for part in PARTS[:-1]:
        (cache / part).write_bytes(b"")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (cache / "model.safetensors.index.json").write_text(json.dumps(index))
    (cache / names[0]).write_bytes(b"")
    with pytest.raises(WeightsError):
        hub.model_folder("hf:owner/model")
    (cache / names[1]).write_bytes(b"")
    assert hub.model_folder("hf:owner/model") == cache
    assert asked == ["owner/model"]


def test_a_name_that_no_repository_can_have(cache: Path) -> None:
    with pytest.raises(WeightsError, match="neither a folder nor in the cache"):
        hub.model_folder("hf:a/b/c")
