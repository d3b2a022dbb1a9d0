#!/usr/bin/env bash
# Measures the speed-up of a gang of two. Prints the seconds of an iteration of the full-size DAGAN
# (the medians that the campaign records) on one rank and on two ranks with half the batch each, and
# the limit of two ranks on this machine: half batches trained independently, alone and side by
# side. Needs a quiet machine with two cores; about two minutes per round.
#   tests/bench/gang.sh [ROUNDS] [BUILD]
# DAGAN_DATA names the folder of strokes.h5.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-2} dagan=${2:-$root/build}/bin/dagan
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
train() { # NAME RANKS BATCH
    "$dagan" run "$root/tests/bench/gang.yaml" -n "$2" -q -o "$out/$1" --set resources.gan_ranks="$2" --set gan.batch_size="$3" >"$out/$1.log" 2>&1 ||
        { cat "$out/$1.log" >&2; exit 1; }
}
seconds() {
    "$dagan" results query "$out/$1" "SELECT a.seconds_per_step FROM attempt a JOIN task t ON t.key = a.task WHERE t.kind = 'gan'" --format csv | tail -n 1
}
for round in $(seq "$rounds"); do
    train one-$round 1 32
    train gang-$round 2 32
    train half-$round 1 16
    train left-$round 1 16 & left=$!
    train right-$round 1 16
    wait $left
    awk -v one="$(seconds one-$round)" -v gang="$(seconds gang-$round)" -v half="$(seconds half-$round)" \
        -v left="$(seconds left-$round)" -v right="$(seconds right-$round)" 'BEGIN {
            both = left > right ? left : right
            printf "one rank %.2f s, gang of two %.2f s: %.2f times as fast\n", one, gang, one / gang
            printf "half the batch alone %.2f s (%.2f), two halves side by side %.2f s (%.2f: the limit of two ranks)\n",
                half, one / half, both, one / both
        }'
done
