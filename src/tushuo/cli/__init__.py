"""The command line: a table of commands; what they do is in the rooms below.

The commands' modules import little, and the rooms only when a command runs: help comes at once.
"""

import errno
import sys
import warnings

import cyclopts

import tushuo
from tushuo.cli import data
from tushuo.cli.blend import blend
from tushuo.cli.calibrate import calibrate
from tushuo.cli.caption import caption
from tushuo.cli.compare import compare
from tushuo.cli.deletion_test import deletion_test
from tushuo.cli.evaluate import evaluate
from tushuo.cli.explain import explain
from tushuo.cli.extract import extract
from tushuo.cli.info import info
from tushuo.cli.pack import pack
from tushuo.cli.report import report
from tushuo.cli.score import score
from tushuo.cli.train import train
from tushuo.errors import SettingError, TushuoError
from tushuo.old_names import COMMANDS, OPTIONS

app = cyclopts.App(
    name="tushuo",
    help="Look at a picture and say what it shows (看图说话).",
    version=tushuo.__version__,
    help_on_error=False,
    suppress_keyboard_interrupt=False,
)
app.command(data.app)
for command in (
    extract,
    train,
    caption,
    explain,
    calibrate,
    deletion_test,
    evaluate,
    score,
    compare,
    report,
    blend,
    pack,
    info,
):
    app.command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code.

    0: done. 1: some pictures failed and were named. 2: nothing could be done.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        require_current_names(sys.argv[1:] if arguments is None else arguments)
        return app(arguments, exit_on_error=False, result_action="return_value") or 0
    except cyclopts.CycloptsError:
        return 2  # cyclopts has said what was wrong with the options
    except TushuoError as error:
        print(f"tushuo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tushuo: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        return 0
    except OSError as error:
        print(f"tushuo: {_said(error)}", file=sys.stderr)
        return 2


def require_current_names(arguments: list[str]) -> None:
    """Refuse commands and options that have been renamed, and name the new ones.

    Raises:
        SettingError: one of them is used.
    """
    command = arguments[0] if arguments else ""
    if command in COMMANDS:
        raise SettingError(f"{command} is now called {COMMANDS[command]}; use that name")
    names = OPTIONS.get(" ".join(arguments[:2]), OPTIONS.get(command, {}))
    for given in (argument.partition("=")[0] for argument in arguments[1:]):
        if given in names:
            raise SettingError(f"{given} of {command} is now called {names[given]}; use that name")


def _said(error: OSError) -> str:
    """Say in one sentence what the machine refused."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{where}{error.strerror}; make room and give the same command again, it goes on"
    return f"{where}{error.strerror or error}; name another place, or change its permissions"


def _show_warning(message: Warning | str, *_: object) -> None:
    """Show a warning without the line of code that it came from."""
    print(f"tushuo: warning: {message}", file=sys.stderr)
