"""Everything that tushuo raises on purpose.

    TushuoError
    ├── DataError         (ValueError)        caption data that cannot be read or used
    ├── PictureError      (ValueError)        a picture that cannot be opened
    ├── WeightsError      (FileNotFoundError) encoder weights that are missing or do not fit
    ├── SignatureError    (ValueError)        two artefacts that were not made for each other
    ├── StoreError        (ValueError)        a feature store that is missing, damaged or unfinished
    ├── RunError          (ValueError)        a run folder that is missing, damaged or unfinished
    ├── SettingError      (ValueError)        an invalid option or combination of options
    ├── FetchError        (ConnectionError)   a file that cannot be downloaded
    ├── ServiceError      (ConnectionError)   a service that cannot be reached, or that refuses
    ├── MissingPartError  (ImportError)       an extra that is not installed
    └── StoppedError      (RuntimeError)      captioning that its caller cancelled

A message is one sentence: what was wrong, what was given, what was expected, what to do.
"""


class TushuoError(Exception):
    """The root: a mistake that the user can correct, explained in one sentence."""


class DataError(TushuoError, ValueError):
    """Caption data that cannot be read or used."""


class PictureError(TushuoError, ValueError):
    """A picture that cannot be opened; it does not affect other pictures of its batch."""


class WeightsError(TushuoError, FileNotFoundError):
    """Weights that are missing, or that do not fit their encoder."""


class SignatureError(TushuoError, ValueError):
    """Two artefacts that were not made for each other."""


class StoreError(TushuoError, ValueError):
    """A feature store that is missing, damaged or unfinished."""


class RunError(TushuoError, ValueError):
    """A run folder that is missing, damaged or unfinished."""


class SettingError(TushuoError, ValueError):
    """An invalid option or combination of options."""


class FetchError(TushuoError, ConnectionError):
    """A file that cannot be downloaded; the part received so far is kept for the next attempt."""


class ServiceError(TushuoError, ConnectionError):
    """A caption service that cannot be reached, or that refuses a request."""


class MissingPartError(TushuoError, ImportError):
    """An extra that is not installed; the message names the command that installs it."""


class StoppedError(TushuoError, RuntimeError):
    """Captioning that its caller cancelled, before an encoding or between two decoding steps."""
