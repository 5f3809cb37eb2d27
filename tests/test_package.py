"""The package itself: quiet imports, versions that agree."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import tushuo

ROOT = Path(__file__).parents[1]


def test_import_is_light_and_quiet() -> None:
    code = "import sys, tushuo, tushuo.cli, tushuo.data; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_changelog_is_of_this_version() -> None:
    versions = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == tushuo.__version__


def test_the_wheel_contains_all_data_files(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    source = ROOT / "src"
    expected = {
        str(file.relative_to(source))
        for file in (source / "tushuo").rglob("*")
        if file.is_file() and file.suffix not in (".pyc", ".py")
    }
    assert "tushuo/report/page/page.html" in expected  # and the models, where they are
    assert expected <= names
