"""The command line: a table of commands, and their exit codes.

Modules of commands import the packages that they use only when they run, so that help is fast.
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
    help="Image captioning on a laptop, in English and Chinese (看图说话).",
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
    """Run one command and exit with its code.

    0: done. 1: done, but some pictures failed and were named. 2: the command could not run.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        warnings.filterwarnings("ignore", module="PIL")  # details of damaged files
        sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        require_current_names(sys.argv[1:] if arguments is None else arguments)
        return app(arguments, exit_on_error=False, result_action="return_value") or 0
    except cyclopts.CycloptsError:
        return 2  # cyclopts has printed the error
    except TushuoError as error:
        print(f"tushuo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tushuo: interrupted; repeat the same command to resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone
        return 0
    except OSError as error:
        print(f"tushuo: {_describe(error)}", file=sys.stderr)
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
    for option in (argument.partition("=")[0] for argument in arguments[1:]):
        if option in names:
            raise SettingError(
                f"{option} of {command} is now called {names[option]}; use that name"
            )


def _describe(error: OSError) -> str:
    """Describe in one sentence what the operating system refused."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{where}{error.strerror}; free disk space and repeat the same command to resume"
    return f"{where}{error.strerror or error}; choose another path, or change its permissions"


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning without its source line."""
    print(f"tushuo: warning: {message}", file=sys.stderr)
