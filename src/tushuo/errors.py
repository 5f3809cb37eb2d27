"""Everything that tushuo raises on purpose.

    TushuoError
    ├── DataError         (ValueError)        caption data that cannot be read or used
    ├── PictureError      (ValueError)        one picture that cannot be opened
    ├── WeightsError      (FileNotFoundError) weights of an encoder that cannot be had or do not fit
    ├── SignatureError    (ValueError)        two artefacts that were not made for each other
    ├── StoreError        (ValueError)        a feature store that is missing, broken or unfinished
    ├── RunError          (ValueError)        a run folder that is missing, broken or unfinished
    ├── SettingError      (ValueError)        an option, or two together, that cannot be
    ├── FetchError        (ConnectionError)   a file that cannot be had from its address
    └── MissingPartError  (ImportError)       an extra that is not installed

A message is one sentence: what was wrong, what came, what was expected, what to do.
"""


class TushuoError(Exception):
    """The root: a mistake that the user can mend, said in one sentence."""


class DataError(TushuoError, ValueError):
    """Caption data that cannot be read or used."""


class PictureError(TushuoError, ValueError):
    """One picture that cannot be opened; the others go on."""


class WeightsError(TushuoError, FileNotFoundError):
    """Weights that cannot be had, or that do not fit their encoder."""


class SignatureError(TushuoError, ValueError):
    """Two artefacts that were not made for each other."""


class StoreError(TushuoError, ValueError):
    """A feature store that is missing, broken or unfinished."""


class RunError(TushuoError, ValueError):
    """A run folder that is missing, broken or unfinished."""


class SettingError(TushuoError, ValueError):
    """An option, or a combination of options, that cannot be."""


class FetchError(TushuoError, ConnectionError):
    """A file that cannot be had from its address; what has come is kept for the next call."""


class MissingPartError(TushuoError, ImportError):
    """An optional part that is not installed; the message names the command that installs it."""
