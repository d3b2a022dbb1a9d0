#!/usr/bin/env bash
# Measures no-op tasks per second through the whole orchestrator: `dagan run`, coordinator, MPI
# messages, agents and trainer processes, with every attempt and result durable before it counts.
#   tests/bench/no_op.sh BUILD [TASKS] [RANKS] [AHEAD]     e.g. no_op.sh build 50000 2 256
# AHEAD is resources.tasks_ahead of the sweep.
set -euo pipefail
build=$(realpath "$1") tasks=${2:-50000} ranks=${3:-2} ahead=${4:-256}
folder=$(mktemp -d "${TMPDIR:-/tmp}/dagan-no-op-XXXXXX")
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/sets"
cp "$build/bin/dagan" "$build/bin/dagan-worker" "$folder/bin/"
cp "$build/tests/no_op_trainer" "$folder/bin/dagan-train"
export DAGAN_DATA=$folder/sets
"$folder/bin/dagan" data make strokes -o "$folder/sets/strokes.h5" >/dev/null

cat >"$folder/no-op.yaml" <<SWEEP
name: no-op
seed: 1
seeds: $((tasks / 10))
datasets:
  strokes:
    file: strokes.h5
    split: {source: [0, 20], validation: [200, 204], test: [204, 208]}
    cases: {test: 2, validation: 2}
classifier: {epochs: 1, softmax: held_out}
sweep:
  - {dataset: strokes, samples_per_class: 1..10, generated_per_real: [0]}
resources: {tasks_ahead: $ahead}
SWEEP

sql() { sqlite3 -readonly "$folder/campaign/results.sqlite" "$1"; }
began=$(date +%s.%N)
"$folder/bin/dagan" run "$folder/no-op.yaml" -n "$ranks" -q -o "$folder/campaign"
ended=$(date +%s.%N)
count=$(sql "SELECT count(*) FROM attempt WHERE final = 1")
seconds=$(sql "SELECT (julianday(max(ended)) - julianday(min(started))) * 86400 FROM attempt")
first=$(sql "SELECT (julianday(min(started)) - 2440587.5) * 86400 FROM attempt")
awk -v n="$count" -v s="$seconds" -v b="$began" -v f="$first" -v e="$ended" -v r="$ranks" 'BEGIN {
    printf "%d no-op tasks on %d ranks: %.0f tasks/s; first task after %.2f s, end after %.2f s\n", n, r, n / s, f - b, e - b }'
echo "files in the campaign folder: $(find "$folder/campaign" -type f | wc -l)"
status=$( { TIMEFORMAT=%R; time "$folder/bin/dagan" status "$folder/campaign" >/dev/null; } 2>&1)
echo "dagan status: $status s"
