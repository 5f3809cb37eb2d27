"""Say which files were read as what, and which were passed over."""

from tushuo.data.reading import FileRead, Reading

SHOWN = 10  # files that were passed over, in full; 3 in one line
SHOWN_BRIEFLY = 3


def describe(reading: Reading) -> list[str]:
    """Return one line for each file that was read, and for the first that were passed over."""
    lines = [_describe_file(file) for file in reading.files]
    reasons = list(reading.passed_over.items())
    lines += [f"passed over {name}: {reason}" for name, reason in reasons[:SHOWN]]
    if len(reasons) > SHOWN:
        lines.append(f"passed over {len(reasons) - SHOWN} more files; --json lists all")
    return lines


def describe_briefly(reading: Reading) -> str:
    """Return one line: what was read, and what was passed over."""
    read = ", ".join(file.file for file in reading.files[:SHOWN_BRIEFLY])
    text = f"read {read}{_more(len(reading.files))} as {reading.files[0].form}"
    if reading.passed_over:
        names = ", ".join(list(reading.passed_over)[:SHOWN_BRIEFLY])
        text += (
            f"; passed over {names}{_more(len(reading.passed_over))} (tushuo data check says why)"
        )
    return text


def _describe_file(file: FileRead) -> str:
    splits = ", ".join(f"{name} {count}" for name, count in file.splits.items())
    return (
        f"read {file.file} as {file.form}: pictures {file.pictures}, captions {file.captions}, "
        f"splits {splits}"
    )


def _more(count: int) -> str:
    return f" and {count - SHOWN_BRIEFLY} more" if count > SHOWN_BRIEFLY else ""
