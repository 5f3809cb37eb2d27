#!/usr/bin/env bash
# Caption a few free photographs (examples/SOURCES.md) with the models that come with the package.
# Then run the whole pipeline on a small scale: drawn scenes -> regions -> a trained captioner -> captions of new pictures.
# All output is in demo/. If it is interrupted, the same command resumes it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

cat <<BEGINNING
This takes three to five minutes, up to ten on a busy machine, and needs no network. Everything it makes is in demo/.
If it is interrupted, the same command resumes it. At the end it names the page to open.

1. Photographs, captioned by the models that come with the package. They were trained on few pictures, so captions of
   which they are not confident are withheld:
BEGINNING
tushuo caption examples/*.jpg --min-confidence 0.5
tushuo caption examples/coffee.jpg --language zh
tushuo explain examples/coffee.jpg --output demo/coffee.html > /dev/null

echo
echo "2. A captioner of its own: drawn scenes, their features, training."

count=800                 # drawn scenes; the last tenth is never used for training
first_unseen=$((count - 6))

tushuo data scenes demo/scenes --count "$count"
tushuo data check demo/scenes
tushuo extract demo/scenes --output demo/store
tushuo train demo/scenes --store demo/store --output demo/run --epochs 6 --dropout 0.2

echo
echo "3. Captions of six pictures that were not used for training:"
pictures=()
for number in $(seq "$first_unseen" $((count - 1))); do
    pictures+=("$(printf 'demo/scenes/images/%05d.jpg' "$number")")
done
tushuo caption "${pictures[@]}" --run demo/run --attention demo/attention

tushuo evaluate demo/scenes --run demo/run --store demo/store --output demo/results
tushuo report demo/results --output demo/report.html

cat <<SUMMARY

Look at these, in a browser or a viewer of pictures:
  demo/report.html   scores of the trained captioner beside three baselines; pictures with their captions;
                     point at a word to see where in the picture it comes from
  demo/coffee.html   the same for one photograph and a model that comes with the package
  demo/attention/    one figure for each of the six captions above
  demo/run/loss.png  how the training went; demo/run/samples/ has captions after each epoch

Then caption a photograph of your own, with a model that comes with the package:
  . .venv/bin/activate
  tushuo caption photo.jpg --min-confidence 0.5
The captioner in demo/run knows drawn scenes only. README.md shows how to train one on photographs.
SUMMARY
