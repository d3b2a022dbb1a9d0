#!/usr/bin/env bash
# Compares the training curves of direct and Winograd convolutions: DAGANs of 2,000 iterations,
# three seeds for each method, one figure per quantity. Results:
# docs/reports/2026-11-convolutions-on-cpus.md. Takes about half an hour on two cores; a second call
# continues where the first stopped.
#   tests/bench/convolution_curves.sh OUT [BUILD]
# DAGAN_DATA names the folder of omniglot.h5.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:?usage: convolution_curves.sh OUT [BUILD]} dagan=${2:-$root/build}/bin/dagan
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mkdir -p "$out"
groups=()
for method in direct winograd; do
    for seed in 1 2 3; do groups+=("$method=$out/$method-$seed"); done
done
train() { # METHOD: its seeds one after another; the two methods run side by side
    for seed in 1 2 3; do
        "$dagan" run "$root/tests/bench/convolution_curves.yaml" -n 1 -q -o "$out/$1-$seed" --set seed=$seed --set gan.convolution="$1"
    done
}
train direct &
direct=$!
train winograd
wait $direct
for quantity in validation_critic_loss validation_penalty score z_diversity; do
    "$dagan" results curves "${groups[@]}" --quantity $quantity -o "$out/$quantity.svg"
done
# A two-sided t test of the two methods' means at each iteration, three seeds against three.
for quantity in validation_critic_loss validation_penalty score z_diversity; do
    for group in "${groups[@]}"; do
        "$dagan" results query "${group#*=}" "SELECT '${group%%=*}' AS method, step, value FROM curve WHERE quantity = '$quantity'" --format csv | tail -n +2
    done | awk -F, -v quantity=$quantity '
        {n[$1, $2]++; s[$1, $2] += $3; q[$1, $2] += $3 * $3; steps[$2]}
        END {
            for (t in steps) {
                d = s["direct", t] / 3 - s["winograd", t] / 3
                v = (q["direct", t] - s["direct", t] ^ 2 / 3 + q["winograd", t] - s["winograd", t] ^ 2 / 3) / 4
                if (v > 0) {z = d / sqrt(v * 2 / 3); beyond += (z > 2.776 || z < -2.776); count++; sum += z}
            }
            printf "%-24s %d iterations compared, %d significant at 5 %%, mean t %+.2f\n", quantity, count, beyond, sum / count
        }'
done
