"""The command line: a table of commands; what they do is in the rooms below."""

import sys

import cyclopts

import tushuo
from tushuo.errors import TushuoError

app = cyclopts.App(
    name="tushuo",
    help="Look at a picture and say what it shows (看图说话).",
    version=tushuo.__version__,
    help_on_error=False,
)
data = cyclopts.App(name="data", help="Read, check and make caption data.")
app.command(data)
data.command("tushuo.cli.data:check")
data.command("tushuo.cli.data:download")
data.command("tushuo.cli.data:scenes")
app.command("tushuo.cli.extract:extract")
app.command("tushuo.cli.train:train")
app.command("tushuo.cli.caption:caption")
app.command("tushuo.cli.info:info")


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code.

    0: done. 1: some pictures failed and were named. 2: nothing could be done.
    """
    try:
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except cyclopts.CycloptsError:
        sys.exit(2)  # cyclopts has said what was wrong with the options
    except TushuoError as error:
        print(f"tushuo: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("tushuo: stopped; the same command goes on where it was", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        sys.exit(0)
    sys.exit(code or 0)
