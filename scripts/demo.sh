#!/usr/bin/env bash
# Caption a few free photographs (examples/SOURCES.md) with the models that come with the package.
# Then run the whole pipeline on a small scale: drawn scenes -> regions -> a trained captioner -> captions of new pictures.
# All output is in demo/. If it is interrupted, the same command resumes it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

echo "Four free photographs, captioned by the models that come with the package:"
for language in en zh; do
    tushuo caption examples/ --language "$language"
done
echo

count=800                 # drawn scenes; the last tenth is never used for training
first_unseen=$((count - 6))

tushuo data scenes demo/scenes --count "$count"
tushuo data check demo/scenes
tushuo extract demo/scenes --output demo/store
tushuo train demo/scenes --store demo/store --output demo/run --epochs 6 --dropout 0.2

echo
echo "Captions of six pictures that were not used for training:"
pictures=()
for number in $(seq "$first_unseen" $((count - 1))); do
    pictures+=("$(printf 'demo/scenes/images/%05d.jpg' "$number")")
done
tushuo caption "${pictures[@]}" --run demo/run --attention demo/attention

tushuo evaluate demo/scenes --run demo/run --store demo/store --output demo/results
tushuo report demo/results --output demo/report.html

cat <<SUMMARY

Scores, pictures, attention maps:  demo/report.html (one page; open it in a browser)
Loss curve:                        demo/run/loss.png
Attention maps of each word:       demo/attention/
Captions after each epoch:         demo/run/samples/
Caption your own pictures:         .venv/bin/tushuo caption photo.jpg --run demo/run
This captioner knows drawn scenes only. For photographs, train it on photographs (README.md).
SUMMARY
