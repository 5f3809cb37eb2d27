"""METEOR 1.5: one formula, two aligners. To add an aligner: its module, and a line here.

An aligner is a module with ``count(corpus)``, which returns one row of counts per picture, in the
order of the official program (see ``formula.Meteor``). Both read files of the extra ``official``.
"""

ALIGNERS: dict[str, str] = {
    "python": "tushuo.metrics.meteor.python",
    "java": "tushuo.metrics.meteor.java",
}
