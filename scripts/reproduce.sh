#!/usr/bin/env bash
# Rebuild a model that comes with the package from data:
#     scripts/reproduce.sh en|zh FLICKR8K TEXT OTHER OTHER_PICTURES MORE_PICTURES WORK
# TEXT: captions without pictures (English: of MS-COCO; Chinese: of COCO-CN). OTHER: captions of other
# photographs, which lie in OTHER_PICTURES; MORE_PICTURES: photographs without captions (for the
# shipped models, the validation pictures of Flickr8k). These decide which captioner describes a
# picture, and which pictures are familiar.
# If it is interrupted, the same command resumes it. The model is written to WORK/LANGUAGE-model, its
# scores to WORK/LANGUAGE-results.
set -euo pipefail
[ $# -eq 7 ] || { sed -n 2,9p "$0"; exit 2; }
language=$1 data=$2 text=$3 other=$4 other_pictures=$5 more_pictures=$6 work=$7

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
# The Chinese text is small, so it is named four times, and there are more epochs.
train_general() {
    general=$work/$language-general
    concepts=$work/$language-concepts
    tushuo extract "$data" --encoder efficientnet_lite2@320 --output "$work/regions"
    [ -e "$concepts/concepts.json" ] || tushuo fit-tags "$data" --data-language "$language" \
        --store "$work/regions" --text "$text" --output "$concepts"
    texts=(--text "$text") more=()
    share=0.07
    if [ "$language" = zh ]; then
        share=0.04
        texts+=(--text "$text" --text "$text" --text "$text") more=(--epochs 10 --min-count 5)
    fi
    tushuo train "$data" --data-language "$language" --recipe concepts --store "$work/regions" \
        --concepts "$concepts" "${texts[@]}" "${more[@]}" --precision bfloat16 --output "$general"
}
# ---------------------------------------------------------------------------------------------------

"train_$language"
train_general
model=$work/$language-model
[ -e "$model/general/run.json" ] || rm -rf "$model"
# shellcheck disable=SC2086 # $search contains several words
[ -e "$model/run.json" ] || tushuo pack "$run" --output "$model" --general "$general" --precision int8 $search
tushuo calibrate "$data" --data-language "$language" --run "$model" \
    --figure "$work/$language-calibration.png"
python "$(dirname "$0")/fit_route.py" "$model" "$data" "$other" "$other_pictures" --language "$language" \
    --share "$share"
# There are no Chinese captions of other photographs, so confidence is fitted on Flickr8k's there.
if [ "$language" = en ]; then
    tushuo calibrate "$other" --images "$other_pictures" --run "$model/general" \
        --pictures "$more_pictures" --figure "$work/$language-general-calibration.png"
else
    tushuo calibrate "$data" --data-language zh --run "$model/general" \
        --pictures "$other_pictures" --figure "$work/$language-general-calibration.png"
fi
tushuo evaluate "$data" --data-language "$language" --run "$model" --output "$work/$language-results"
