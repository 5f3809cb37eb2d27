"""Arguments of other types than those declared get one error that says what is expected.

Tests check the types of all arguments themselves, so the calls are made in another process.
"""

import subprocess
import sys
from pathlib import Path

CALLS = {
    "SearchConfig(search='beam', required_words=['cat']).required_words": "('cat',)",
    "SearchConfig(search='deam')": "search was 'deam', but must be one of greedy, sample, beam, "
    "diverse, consensus",
    "TrainConfig(epochs=1.5)": "epochs was 1.5, but must be a whole number",
    "tushuo.load(language='fr')": "language was 'fr', but must be one of 'en', 'zh'",
    "tushuo.load(language='EN')": "language was 'EN', but must be one of 'en', 'zh'",
    "tushuo.load([])": "run was [], but must be a run folder, or a list of run folders",
    "tushuo.load(5)": "run was 5, but must be a run folder, or a list of run folders",
    "tushuo.load().caption_batch(Path('a.jpg'))": "caption_batch got an object of type PosixPath; "
    "pass a list of pictures, or one picture to caption",
    "tushuo.load().caption_batch(None)": "caption_batch got an object of type NoneType; "
    "pass a list of pictures, or one picture to caption",
    "tushuo.train(None, output='run')": "data was None, but must be a path",
    "tushuo.train('data', output=None)": "output was None, but must be a path",
    "tushuo.train('data', output='run', callbacks=7)": "callbacks was 7, but must be a "
    "tushuo.training.loop.Callbacks, such as Callbacks(message=print)",
    "tushuo.train('data', output='run', recipe='huge')": "recipe was 'huge', but must be one of "
    "small, best, lesson, concepts, self_critical",
}
SCRIPT = """
import sys
from pathlib import Path
import tushuo
from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.training.config import TrainConfig
for call in sys.argv[1:]:
    try:
        print(eval(call))
    except SettingError as error:
        print(error)
"""


def test_wrong_types_are_named() -> None:
    command = [sys.executable, "-c", SCRIPT, *CALLS]
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    assert printed.stdout.splitlines() == list(CALLS.values())
