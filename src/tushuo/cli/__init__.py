"""The command line: a table of commands, and their exit codes.

The module of a command is imported when the command is used, and the packages that it needs when it
runs, so that help is fast.
"""

import errno
import io
import sys
import warnings

import cyclopts

import tushuo
from tushuo.cli.sources import encodable, on_one_line
from tushuo.errors import SettingError, TushuoError
from tushuo.old_names import COMMANDS, OPTIONS

app = cyclopts.App(
    name="tushuo",
    help="Image captioning on a laptop, in English and Chinese (看图说话).",
    version=tushuo.__version__,
    help_on_error=False,
    suppress_keyboard_interrupt=False,
)
# shown by `tushuo --help`, which therefore imports no command; a test compares the docstrings
SUMMARIES = {
    "data:app": "Check, download or draw caption data.",
    "extract": "Encode every picture of DATA once, and save its regions in a feature store.",
    "train": "Train a captioner on DATA; the same command resumes a run that was stopped.",
    "caption": "Caption pictures: files, folders, globs, http(s) addresses, or - for standard "
    "input.",
    "tags": "List what pictures show: words with their probabilities and places.",
    "explain": "Caption one picture and show why: the most probable words at each step, and "
    "attention maps.",
    "fit_tags": "Fit a concept model for tags: detectors of the words of DATA, beside ImageNet's "
    "classes.",
    "calibrate": "Calibrate the run's confidence for captions of this search; the result is saved "
    "in the run.",
    "deletion_test": "Test attention: hide the regions each word attended to, and measure the "
    "word's probability.",
    "evaluate": "Caption a split of DATA and score the captions; where DATA defines no split, use "
    "the run's.",
    "score": "Score captions as the official COCO evaluator does, without Java.",
    "compare": "Test whether two sets of captions differ by more than chance, by a permutation "
    "test.",
    "report": "Write an HTML page of results that opens offline: scores, curves, pictures, "
    "attention maps.",
    "blend": "Interpolate the weights of FIRST and of SECOND, a run fine-tuned from it "
    "(train --from).",
    "pack": "Export a run as a small, shareable model: a run folder of a few megabytes.",
    "info": "Show what is installed and usable, and how to make the rest usable.",
}
for path, summary in SUMMARIES.items():
    module, _, name = path.partition(":")
    command = module.replace("_", "-")
    app.command(f"tushuo.cli.{module}:{name or module}", name=command, help=summary)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code.

    0: done. 1: done, but some pictures failed and were named. 2: the command could not run.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may be unable to show Chinese
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        warnings.filterwarnings("ignore", module="PIL")  # details of damaged files
        sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        require_current_names(sys.argv[1:] if arguments is None else arguments)
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        return code or 0
    except cyclopts.CycloptsError as error:
        from tushuo.cli.usage_errors import describe_usage_error

        print(f"tushuo: {describe_usage_error(error)}", file=sys.stderr)
        return 2
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
    print(f"tushuo: warning: {on_one_line(encodable(str(message)))}", file=sys.stderr)
