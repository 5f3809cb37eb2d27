#!/usr/bin/env bash
# Rebuild a model that comes with the package from data: scripts/reproduce.sh en|zh FLICKR8K WORK
# If it is interrupted, the same command resumes it. The model is written to WORK/LANGUAGE-model, its
# scores to WORK/LANGUAGE-results.
set -euo pipefail
[ $# -eq 3 ] || { sed -n 2,4p "$0"; exit 2; }
language=$1 data=$2 work=$3

# ---- the recipes: this is the only place that defines how each model is trained --------------------
# Each sets $run to its final run and $search to the search of the model.
train_best() {
    tushuo extract "$data" --recipe best --output "$work/trunk"
    tushuo train "$data" --recipe best --store "$work/trunk" --output "$work/best" --precision bfloat16
    tushuo extract "$data" --run "$work/best" --store "$work/trunk" --output "$work/eyes"
}
train_en() {
    train_best
    tushuo train "$data" --from "$work/best" --store "$work/eyes" --output "$work/reward" \
        --recipe self_critical --precision bfloat16 --average 0.98 --learning-rate 2e-5 --dropout 0.3 \
        --region-dropout 0.1 --epochs 4 --epoch-steps 50
    run=$work/en-run
    [ -e "$run/run.json" ] || tushuo blend "$work/best" "$work/reward" --share 0.3 --output "$run"
    search="--search consensus --beam-size 10 --no-immediate-repeat"
}
train_zh() {
    train_best
    run=$work/zh-run
    tushuo train "$data" --data-language zh --store "$work/eyes" --output "$run" --min-count 4 --precision bfloat16
    search="--search consensus --beam-size 20 --mbr-samples 60 --genericness-penalty 0.03 --no-immediate-repeat"
}
# ---------------------------------------------------------------------------------------------------

"train_$language"
model=$work/$language-model
# shellcheck disable=SC2086 # $search contains several words
[ -e "$model/run.json" ] || tushuo pack "$run" --output "$model" --precision int8 $search
tushuo calibrate "$data" --data-language "$language" --run "$model" \
    --figure "$work/$language-calibration.png"
tushuo evaluate "$data" --data-language "$language" --run "$model" --output "$work/$language-results"
