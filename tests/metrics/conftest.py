"""Pytest markers of tests that compare with the official evaluator."""

import shutil
from importlib.util import find_spec

import pytest

OFFICIAL = "requires pip install 'tushuo[official]'"

with_official = pytest.mark.skipif(find_spec("pycocoevalcap") is None, reason=OFFICIAL)
with_meteor_data = pytest.mark.skipif(
    find_spec("pycocoevalcap") is None or find_spec("snowballstemmer") is None, reason=OFFICIAL
)
with_java = pytest.mark.skipif(
    find_spec("pycocoevalcap") is None or shutil.which("java") is None,
    reason=f"{OFFICIAL} and Java",
)
