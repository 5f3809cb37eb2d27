#!/bin/bash
# Run tests with the vector instructions of several processors, which add numbers up in different orders.
# Usage: scripts/test_on_processors.sh [pytest arguments]; by default the directories with numerical tests are run.
# Prints one line per combination of instructions and threads; the exit status is 1 if any test failed.
set -uo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
if [ $# -eq 0 ]; then
    set -- tests/decoders tests/search tests/training tests/encoders tests/features
fi

failed=0
# highest instructions of torch's own kernels, of MKL (matrix products) and of oneDNN (convolutions)
for instructions in "default COMPATIBLE SSE41" "avx2 AVX2 AVX2" "all - -"; do
    read -r torch mkl onednn <<<"$instructions"
    for threads in 1 4; do
        environment=("OMP_NUM_THREADS=$threads" OMP_WAIT_POLICY=passive)  # no busy waiting on fewer cores
        if [ "$torch" != all ]; then
            environment+=("ATEN_CPU_CAPABILITY=$torch" "MKL_CBWR=$mkl" "ONEDNN_MAX_CPU_ISA=$onednn")
        fi
        env -u ATEN_CPU_CAPABILITY -u MKL_CBWR -u ONEDNN_MAX_CPU_ISA "${environment[@]}" \
            "$PYTHON" -m pytest -q -p no:cacheprovider "$@" >"$LOG" 2>&1
        status=$?
        printf '%-8s %s threads: %s\n' "$torch" "$threads" "$(tail -n 1 "$LOG")"
        if [ $status -ne 0 ]; then
            failed=1
            grep -E '^(FAILED|ERROR)' "$LOG"
        fi
    done
done
exit $failed
