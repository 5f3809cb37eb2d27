"""The public names have types and help, and are imported when they are first used."""

import os
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import tushuo

SOURCE = Path(__file__).parents[1] / "src"
PROGRAM = """
from pathlib import Path

import tushuo
from tushuo import Caption, PictureError


def texts(folder: Path, captioner: tushuo.Captioner) -> list[str]:
    results = captioner.caption_batch([*folder.glob("*.jpg")])
    return [str(one) if isinstance(one, PictureError) else one.text for one in results]


captioner = tushuo.load("RUN", language="zh")
info: tushuo.CaptionerInfo = captioner.info
caption: Caption = captioner.caption("photo.jpg")
client = tushuo.Client("http://127.0.0.1:8000", api_key=None)
from_service: Caption = client.caption("photo.jpg", search="beam")
explanation: tushuo.Explanation = captioner.explain(b"content")
for part in captioner.stream("photo.jpg"):
    shown: tushuo.PartialCaption | Caption = part
result = tushuo.train("data", output="run", epochs=3)
print(texts(Path("photos"), captioner), info.language, caption.log_prob, result.best)
"""
SETTINGS = """
[mypy]
strict = true
follow_imports = silent
[mypy-torch.*,transformers.*,accelerate.*]  # for speed; no public name is theirs
follow_imports = skip
ignore_missing_imports = true
"""


def check(program: str, folder: Path) -> str:
    """Return what a type checker prints for a user's program."""
    (folder / "program.py").write_text(program)
    (folder / "mypy.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "program.py", "--cache-dir", str(folder / "cache")]
    environment = os.environ | {"MYPYPATH": str(SOURCE)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_a_type_checker_knows_every_public_name(tmp_path: Path) -> None:
    wrong = [
        "tushuo.load(5)",
        'tushuo.load("RUN").caption("photo.jpg").txet',
        "tushuo.train(output=2)",
        "tushuo.no_such_name",
        "tushuo.import_module",
    ]
    revealed = [f"reveal_type(tushuo.{name})" for name in tushuo.__all__]
    assert all(name in PROGRAM for name in tushuo.__all__)
    lines = check(PROGRAM + "\n".join([*revealed, *wrong]), tmp_path).splitlines()
    notes = [line.partition("Revealed type is ")[2] for line in lines if "Revealed" in line]
    assert len(notes) == len(revealed)
    assert all(note not in ('"Any"', '"builtins.object"') for note in notes)
    assert "-> tushuo.captioning.captioner.Captioner" in notes[tushuo.__all__.index("load")]
    first = PROGRAM.count("\n") + len(revealed)
    errors = {int(line.split(":")[1]) for line in lines if ": error: " in line}
    assert errors == {first + number + 1 for number in range(len(wrong))}


def test_help_shows_the_public_names() -> None:
    printed = pydoc.plain(pydoc.render_doc(tushuo))
    for name in tushuo.__all__:
        assert f"\n    {name}(" in printed or f"class {name}(" in printed, name
    assert "Load a run folder with the encoder it was trained with" in printed
    assert dir(tushuo) == sorted(["__version__", *tushuo.__all__])


def test_public_names_are_imported_on_first_use() -> None:
    program = (
        "import sys, tushuo\n"
        "before = {name for name in sys.modules if name.startswith('tushuo')}\n"
        "tushuo.PictureError\n"
        "assert before == {'tushuo'}, before\n"
        "assert 'tushuo.errors' in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="module 'tushuo' has no attribute 'laod'"):
        tushuo.laod  # type: ignore[attr-defined]  # noqa: B018
