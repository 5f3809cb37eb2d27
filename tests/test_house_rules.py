"""House rules that a tool can hold: sizes, names, tests and the list of modules."""

import ast
import re
from pathlib import Path

import pytest

import tushuo

ROOT = Path(__file__).parents[1]
SOURCE, TESTS = ROOT / "src" / "tushuo", ROOT / "tests"
MODULES = sorted(SOURCE.rglob("*.py"))

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40  # of the body, without the docstring and the parameter list
LONG_FUNCTIONS = {
    "cli/calibrate.py:calibrate": "one command from its options to its results, in this order",
    "cli/evaluate.py:evaluate": "one command from its options to its results, in the order it runs",
    "cli/extract.py:extract": "one command from its options to its results, in the order it runs",
    "decoders/top_down.py:backward": "one hand-written backward pass; its parts share every name",
}
# Modules without a test of their own folder that imports them: what covers them instead.
COVERED_BY = {
    "captioning/huggingface/cross_attention.py": "tests/captioning/huggingface/test_captioner.py",
    "captioning/huggingface/streaming.py": "tests/captioning/huggingface/test_captioner.py",
    "captioning/given_captions.py": "tests/captioning/test_native.py",
    "cli": "tests/cli calls the commands by their names",
    "data": "tests/data reads every format through tushuo.data.read",
    "decoders/attention.py": "tests/decoders/test_decoders.py, by every decoder",
    "decoders/gru_steps.py": "tests/decoders/test_decoders.py, forward and backward",
    "decoders/output_layer.py": "tests/decoders/test_decoders.py, by every decoder",
    "decoders/precision.py": "tests/decoders/test_decoders.py, in float64 and bfloat16",
    "encoders/clip.py": "tests/cli/test_clip.py",
    "encoders/inception_v3_weights.py": "tests/encoders/test_inception_v3.py",
    "evaluation/baselines.py": "tests/cli/test_cli.py, tests/cli/test_clip.py",
    "evaluation/cost.py": "tests/cli/test_model.py",
    "evaluation/clip.py": "tests/cli/test_clip.py",
    "evaluation/evaluate.py": "tests/cli/test_cli.py, tests/report/conftest.py",
    "evaluation/packing_error.py": "tests/runs/test_pack.py",
    "metrics/clipscore.py": "tests/cli/test_clip.py",
    "metrics/meteor/align.py": "tests/metrics/test_meteor.py, against the official program",
    "pace.py": "tests/test_fetch.py",
    "report/deletion_test.py": "tests/evaluation/test_deletion_test.py",
    "report/reliability.py": "tests/evaluation/test_calibrate.py",
    "runs/encoder.py": "tests/training/test_fine_tuning.py",
    "search/beam_history.py": "tests/search/test_beam_search.py, against brute force",
    "search/constraint_banks.py": "tests/search/test_constraints.py, against brute force",
    "search/diverse_beam.py": "tests/search/test_beam_search.py",
    "shapes.py": "a docstring alone",
    "training/curves.py": "tests/cli/test_train.py",
    "training/epoch_report.py": "tests/cli/test_train.py",
    "training/learner.py": "tests/training/test_train.py",
    "training/loss_curve.py": "tests/report/test_figures.py",
    "training/region_source.py": "tests/cli/test_train.py, tests/cli/test_tuning.py",
    "training/validation.py": "tests/cli/test_train.py",
    "trust/confidence.py": "tests/evaluation/test_calibrate.py",
}
# Words that say little in technical prose; "it is said" of a caption's content is meant.
VAGUE = re.compile(r"\b(told|said|saying|speaks?|spoken|heard|wanted|looked at)\b")
MEANT = ("is said to", 'said to be "standing"')


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    content = path.read_text()
    assert len(content.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(content)):
        if not isinstance(node, ast.FunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
        exception = f"{name_of(path)}:{node.name}" in LONG_FUNCTIONS
        assert exception == (lines > MAX_FUNCTION_LINES), (node.name, lines)


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
    return names


def test_every_module_is_tested_in_its_folder_or_named() -> None:
    tested: set[str] = set()
    for path in MODULES:
        name = name_of(path)
        if path.name in ("__init__.py", "__main__.py"):
            continue
        folder = TESTS / Path(name).parts[0] if "/" in name else TESTS
        module = f"tushuo.{name.removesuffix('.py').replace('/', '.')}"
        own = any(module in imports(test) for test in folder.rglob("*.py"))
        if own or (TESTS / Path(name).parent / f"test_{path.name}").exists():
            tested.add(name)
        else:
            assert name in COVERED_BY or name.split("/")[0] in COVERED_BY, name
    for name, reason in COVERED_BY.items():
        assert name not in tested, f"{name} has a test of its own now; remove the exception"
        for test in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / test).exists(), (name, test)


def test_every_public_name_of_the_package_is_used_in_a_test() -> None:
    tests = "\n".join(path.read_text() for path in TESTS.rglob("*.py"))
    for name in dir(tushuo):
        assert re.search(rf"\b{name}\b", tests), name


def test_architecture_names_exactly_the_modules() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Files", 1)[1]
    listed = []
    for section in page.split("### ")[1:]:
        package = section.split("\n", 1)[0].strip().removeprefix("src/tushuo/")
        listed += [f"{package}{name}" for name in re.findall(r"^- `(\S+?)`:", section, re.M)]
    assert sorted(listed) == [name_of(path) for path in MODULES]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readmes_name_every_package(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    for package in {path.parent.name for path in SOURCE.glob("*/__init__.py")}:
        assert f"{package}/" in page, package


def test_prose_uses_the_field_s_terms() -> None:
    pages = [*MODULES, *SOURCE.glob("report/page/*.js"), *SOURCE.glob("report/page/*.html")]
    pages += [*ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]
    pages += [*ROOT.glob("scripts/*"), *ROOT.glob("benchmarks/*"), *ROOT.glob("tests/**/test_*.py")]
    pages.remove(Path(__file__))  # which has the words themselves
    vague = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in pages
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if VAGUE.search(line) and not any(text in line for text in MEANT)
    ]
    assert vague == []
