#!/usr/bin/env bash
# What the models that come with the package say of a few free photographs (examples/SOURCES.md).
# Then the main job, small: drawn scenes -> regions -> a trained captioner -> captions of unseen pictures.
# Everything lands in demo/; the same command goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

echo "What the models that come with the package say of four free photographs:"
for language in en zh; do
    tushuo caption examples/ --language "$language"
done
echo

count=800                 # drawn scenes; the last tenth is never trained on
unseen=$((count - 6))

tushuo data scenes demo/scenes --count "$count"
tushuo data check demo/scenes
tushuo extract demo/scenes --output demo/store
tushuo train demo/scenes --store demo/store --output demo/run --epochs 6 --dropout 0.2

echo
echo "Six pictures that the captioner has never seen, and what it says of them:"
pictures=()
for number in $(seq "$unseen" $((count - 1))); do
    pictures+=("$(printf 'demo/scenes/images/%05d.jpg' "$number")")
done
tushuo caption "${pictures[@]}" --run demo/run --attention demo/attention

tushuo evaluate demo/scenes --run demo/run --store demo/store --output demo/results
tushuo report demo/results --output demo/report.html

cat <<TOLD

Scores, pictures, attention:    demo/report.html (one page, to be opened in a browser)
The loss curve:                 demo/run/loss.png
What each word looked at:       demo/attention/
Captions after each epoch:      demo/run/samples/
The captioner, to use yourself: .venv/bin/tushuo caption photo.jpg --run demo/run
It has only ever seen drawn scenes: for photographs, train it on photographs (README.md).
TOLD
