"""Names that older files and commands use, and the names that replaced them.

Files of format 1 are read through these maps; nothing writes the old names any more. Signatures are
not listed here: they are compared as text across versions, so their field names never change
(``EncoderSpec.signature``, ``SearchConfig.signature``).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")

ENCODER = {"upto": "frozen_blocks", "upper": "head"}
SEARCH = {
    "score": "length_norm",
    "strength": "diversity_penalty",
    "judges": "mbr_samples",
    "judge_temperature": "mbr_temperature",
    "stock_penalty": "genericness_penalty",
    "must": "required_words",
    "must_not": "banned_words",
    "not_last": "banned_endings",
    "no_repeat": "no_repeat_ngram",
    "no_echo": "no_immediate_repeat",
    "unk": "allow_unk",
}
RUN = {
    "splitting": "tokenizer",
    "begun_from": "initialized_from",
    "blended": "blend_share",
    "taught_by": "teachers_signature",
}
RESULTS = {"habits": "diagnostics"}
DELETION_TEST = {
    "falls": "drops",
    "fall": "drop",
    "less": "margin",
    "less_interval": "margin_interval",
}
WEIGHTS = {  # a component of a parameter's name
    "say_state": "hidden_to_embedding",
    "say_look": "context_to_embedding",
    "before_words": "pre_output",
    "word_layer": "output_layer",
    "words_norm": "self_attention_norm",
    "regions_norm": "cross_attention_norm",
    "thought_norm": "feed_forward_norm",
    "words_in": "self_attention_in",
    "words_out": "self_attention_out",
    "regions_query": "cross_attention_query",
    "regions_keys": "cross_attention_keys",
    "regions_values": "cross_attention_values",
    "regions_out": "cross_attention_out",
    "widen": "feed_forward_in",
    "narrow": "feed_forward_out",
}
_SEARCH_OPTIONS = {
    f"--{old.replace('_', '-')}": f"--{new.replace('_', '-')}" for old, new in SEARCH.items()
} | {"--echo": "--immediate-repeat", "--no-unk": "--no-allow-unk"}
_DATA_LANGUAGE = {"--language": "--data-language"}
_FROZEN_BLOCKS = {"--upto": "--frozen-blocks"}
OPTIONS: dict[str, dict[str, str]] = {  # by command
    "caption": _SEARCH_OPTIONS,
    "explain": _SEARCH_OPTIONS,
    "pack": _SEARCH_OPTIONS,
    "calibrate": _SEARCH_OPTIONS | _DATA_LANGUAGE,
    "deletion-test": _SEARCH_OPTIONS | _DATA_LANGUAGE,
    "evaluate": _SEARCH_OPTIONS | _DATA_LANGUAGE,
    "extract": _DATA_LANGUAGE | _FROZEN_BLOCKS,
    "train": _DATA_LANGUAGE | _FROZEN_BLOCKS | {"--split": "--tokenizer"},
    "data check": _DATA_LANGUAGE,
}
COMMANDS = {"evidence": "deletion-test"}


def upgrade_run(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a ``run.json`` under today's names."""
    settings = _renamed(settings, RUN)
    for part, names in (("encoder", ENCODER), ("search", SEARCH)):
        if isinstance(settings.get(part), dict):
            settings[part] = _renamed(settings[part], names)
    return settings


def upgrade_store(header: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a ``store.json`` under today's names."""
    if isinstance(header.get("encoder"), dict):
        header = header | {"encoder": _renamed(header["encoder"], ENCODER)}
    return header


def upgrade_results(results: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a ``scores.json`` under today's names."""
    results = _renamed(results, RESULTS)
    if isinstance(results.get("run"), dict):
        results["run"] = upgrade_run(results["run"])
    return results


def upgrade_deletion_test(tree: Any) -> Any:
    """Return the content of a deletion test's file under today's names."""
    if isinstance(tree, dict):
        return {DELETION_TEST.get(k, k): upgrade_deletion_test(v) for k, v in tree.items()}
    return [upgrade_deletion_test(one) for one in tree] if isinstance(tree, list) else tree


def upgrade_weights(weights: Mapping[str, Value]) -> dict[str, Value]:
    """Return a decoder's weights under today's parameter names."""
    return _rename_components(weights, WEIGHTS)


def signed_weights(weights: Mapping[str, Value]) -> dict[str, Value]:
    """Return a decoder's weights under the names of format 1, which signatures hash."""
    return _rename_components(weights, {new: old for old, new in WEIGHTS.items()})


def _rename_components(weights: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    return {
        ".".join(names.get(part, part) for part in name.split(".")): weight
        for name, weight in weights.items()
    }


def _renamed(content: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in content.items()}
