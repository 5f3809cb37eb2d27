#!/usr/bin/env bash
# Make a model that comes with the package again, from data: scripts/reproduce.sh en|zh FLICKR8K WORK
# The same command goes on where it was stopped. The model lands in WORK/LANGUAGE-model, its scores
# in WORK/LANGUAGE-results.
set -euo pipefail
[ $# -eq 3 ] || { sed -n 2,4p "$0"; exit 2; }
language=$1 data=$2 work=$3

# ---- the recipes: the one place that says how each model is trained -------------------------------
# Each ends with its best run in $run and the search of the model in $search.
best() {
    tushuo extract "$data" --recipe best --output "$work/trunk"
    tushuo train "$data" --recipe best --store "$work/trunk" --output "$work/best" --precision bfloat16
    tushuo extract "$data" --run "$work/best" --store "$work/trunk" --output "$work/eyes"
}
learn_en() {
    best
    tushuo train "$data" --from "$work/best" --store "$work/eyes" --output "$work/reward" \
        --recipe self_critical --precision bfloat16 --average 0.98 --learning-rate 2e-5 --dropout 0.3 \
        --region-dropout 0.1 --epochs 4 --epoch-steps 50
    run=$work/en-run
    [ -e "$run/run.json" ] || tushuo blend "$work/best" "$work/reward" --share 0.3 --output "$run"
    search="--search consensus --beam-size 10 --no-echo"
}
learn_zh() {
    best
    run=$work/zh-run
    tushuo train "$data" --language zh --store "$work/eyes" --output "$run" --min-count 4 --precision bfloat16
    search="--search consensus --beam-size 20 --judges 60 --stock-penalty 0.03 --no-echo"
}
# ---------------------------------------------------------------------------------------------------

"learn_$language"
model=$work/$language-model
# shellcheck disable=SC2086 # the options of the search are several words
[ -e "$model/run.json" ] || tushuo pack "$run" --output "$model" --precision int8 $search
tushuo calibrate "$data" --language "$language" --run "$model" \
    --figure "$work/$language-calibration.png"
tushuo evaluate "$data" --language "$language" --run "$model" --output "$work/$language-results"
