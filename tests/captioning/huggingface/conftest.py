"""Tiny models of every family, made once, and pictures of several shapes."""

import socket
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="requires pip install 'tushuo[huggingface]'")

from tests.captioning import tiny_models
from tushuo import load
from tushuo.captioning.huggingface.captioner import HuggingFaceCaptioner

FAMILIES = sorted(tiny_models.BUILDERS)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("a test asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


class Models:
    """Folders and captioners of families, made when they are used first."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._captioners: dict[str, HuggingFaceCaptioner] = {}

    def folder(self, family: str) -> Path:
        path = self._folder / family
        if not path.exists():
            tiny_models.build(family, path)
        return path

    def captioner(self, family: str) -> HuggingFaceCaptioner:
        if family not in self._captioners:
            captioner = load(f"hf:{self.folder(family)}")
            assert isinstance(captioner, HuggingFaceCaptioner)
            self._captioners[family] = captioner
        return self._captioners[family]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def noise() -> list[np.ndarray]:
    """Pictures of three shapes, two of them alike."""
    shapes = [(40, 50), (60, 50), (40, 50), (50, 90)]
    return [np.asarray(tiny_models.picture(*shape, n)) for n, shape in enumerate(shapes)]
