"""METEOR 1.5: its formula, and two ways to the same alignments. To add one: its file, a line here.

An aligner is a module with ``count(corpus)``: 23 numbers a picture, as the official program gives
them (``formula.Meteor`` tells which). Both read the files of the extra ``official``.
"""

ALIGNERS: dict[str, str] = {
    "python": "tushuo.metrics.meteor.python",
    "java": "tushuo.metrics.meteor.java",
}
