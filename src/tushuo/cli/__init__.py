"""The command line: a table of commands, and their exit codes.

The module of a command is imported when the command is used, and the packages that it needs when it
runs, so that help is fast.
"""

import errno
import sys
import warnings
from contextlib import suppress

import cyclopts

import tushuo
from tushuo.cli.output import OutputError, abandon_output, guarded_output
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
    "teach": "Caption photographs as data for train: a small model learns from a larger one.",
    "serve": "Caption pictures over HTTP, for other programs; see docs/serve.md.",
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

    0: done. 1: done, but some pictures failed and were named. 2: all failed, or the command could
    not run.
    """
    with warnings.catch_warnings(), guarded_output():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        warnings.filterwarnings("ignore", module="PIL")  # details of damaged files
        sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        require_current_names(sys.argv[1:] if arguments is None else arguments)
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        print(end="", flush=True)
        return code or 0
    except cyclopts.CycloptsError as error:
        from tushuo.cli.usage_errors import describe_usage_error

        return _fail(describe_usage_error(error))
    except TushuoError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return _fail("interrupted; repeat the same command to resume", code=130)
    except OSError as error:
        return _fail(_describe(error))
    except OutputError as error:
        abandon_output()
        if isinstance(error.__cause__, BrokenPipeError):  # its reader has left, as head does
            return 0
        reason = getattr(error.__cause__, "strerror", None) or error.__cause__
        return _fail(
            f"writing standard output failed: {reason}; write where there is free space, and "
            "repeat the same command"
        )


def _fail(message: object, code: int = 2) -> int:
    """Print an error on one line, and return the exit code."""
    from tushuo.cli.sources import encodable, on_one_line

    with suppress(OSError):  # nobody reads it
        print(f"tushuo: {on_one_line(encodable(str(message)))}", file=sys.stderr, flush=True)
    return code


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
        return (
            f"{where}{error.strerror}; free disk space, or choose another folder, and repeat the "
            "same command"
        )
    return f"{where}{error.strerror or error}; choose another path, or change its permissions"


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning without its source line."""
    print(f"tushuo: warning: {on_one_line(encodable(str(message)))}", file=sys.stderr)
