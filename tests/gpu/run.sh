#!/usr/bin/env bash
# Tests and times this program on an NVIDIA GPU, in minutes; needs neither MPI nor a network. Uses
# the existing build (or the carried one), or builds; runs the GPU tests; times iterations at full
# size and trials side by side; trains a real DAGAN briefly. Writes OUT/report.json and
# OUT/dagan/samples/*.png.
#
#   tests/gpu/run.sh [OUT]            runs everything; OUT is build/gpu-report by default
#   tests/gpu/run.sh carry FOLDER     makes a folder to copy to a GPU machine that has no compiler
#                                     and no libraries; there, run FOLDER/run.sh [OUT]
#
# Environment:
#   DAGAN_BUILD   the build folder
#   TORCH_ROOT    the LibTorch folder
#   PYTHON        a Python with PyTorch, for the baseline
#   QUICK=1       a tenth of the rounds
#
# Exit code 0: all parts succeeded; 1: some failed, and the report names them; 2: wrong usage; 3: no
# GPU, or the build failed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." 2>/dev/null && pwd || true)
carried=$([ -d "$here/build/bin" ] && echo 1 || true)
build=${DAGAN_BUILD:-$([ -n "$carried" ] && echo "$here/build" || echo "$root/build")}

# Copies the programs with the libraries they need, except the C library and the driver. LibTorch is
# copied whole.
carry() {
    local to=$1 program library
    mkdir -p "$to/build/bin" "$to/build/tests" "$to/lib"
    cp "$build"/bin/{dagan,dagan-worker,dagan-train,libdagan_cuda.so} "$to/build/bin/" || return 1
    cp "$build"/tests/{gpu_test,gpu_bench} "$to/build/tests/" || return 1
    cp "$here/run.sh" "$here/plain_pytorch.py" "$to/" || return 1
    for program in "$to"/build/bin/* "$to"/build/tests/*; do
        ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// {print $3}'
    done | sort -u | grep -vE '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*|libcuda|libnvidia[^/]*)\.so|/torch/lib/|/nvidia/' |
        while read -r library; do cp -L "$library" "$to/lib/"; done
    local packages
    packages=$(dirname "$(torch_root)")
    mkdir -p "$to/torch" && cp -r "$packages/torch/lib" "$to/torch/lib" && cp -r "$packages/nvidia" "$to/nvidia" || return 1
    du -sh "$to" | cut -f1 | sed "s|^|$to: |"
}
torch_root() {
    if [ -n "${TORCH_ROOT:-}" ]; then echo "$TORCH_ROOT"; return; fi
    sed -n 's/^TORCH_ROOT:PATH=//p' "$build/CMakeCache.txt" 2>/dev/null
}

if [ "${1:-}" = carry ]; then
    [ -n "${2:-}" ] || { echo "usage: tests/gpu/run.sh carry FOLDER" >&2; exit 2; }
    carry "$2"
    exit
fi
out=$(mkdir -p "${1:-$build/gpu-report}" && cd "${1:-$build/gpu-report}" && pwd) || exit 3
rm -rf "$out/dagan" "$out"/*.json "$out"/*.log

command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 || { echo "run.sh: no GPU can be used here: nvidia-smi finds none" >&2; exit 3; }
if [ -n "$carried" ]; then
    LD_LIBRARY_PATH=$here/lib:$here/torch/lib:$(find "$here/nvidia" -name lib -type d | paste -sd:)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
elif [ ! -e "$build/bin/libdagan_cuda.so" ] || [ ! -e "$build/tests/gpu_bench" ]; then
    make -C "$root" build CUDA=1 || { echo "run.sh: the build failed" >&2; exit 3; }
fi
export CUBLAS_WORKSPACE_CONFIG=:4096:8
bench=$build/tests/gpu_bench
failed=()
share=${QUICK:+10}
rounds() { echo $(($1 / ${share:-1})); }

# part NAME COMMAND...: keeps the JSON object that COMMAND prints in NAME.json and its errors in
# NAME.log.
part() {
    local name=$1
    shift
    echo "-- $name"
    if timeout 900 "$@" >"$out/$name.json" 2>"$out/$name.log" && [ -s "$out/$name.json" ]; then
        tail -c 400 "$out/$name.json"
    else
        failed+=("$name")
        echo "   failed: $(tail -n 1 "$out/$name.log")"
        printf '{"failed": true}\n' >"$out/$name.json"
    fi
}

echo "-- gpu tests"
GTEST_OUTPUT=json:$out/gpu_test.json timeout 1800 "$build/tests/gpu_test" >"$out/gpu_test.log" 2>&1 || failed+=(gpu_test)
grep -E "^\[  (PASSED|FAILED|SKIPPED) |mean distance" "$out/gpu_test.log"

for size in 28 64; do
    for precision in float32 tf32 bf16; do
        part "iteration-$size-$precision-graphs" "$bench" iteration --size $size --precision $precision --rounds "$(rounds 100)"
        part "iteration-$size-$precision-eager" "$bench" iteration --size $size --precision $precision --eager --rounds "$(rounds 50)"
    done
done

# The same networks in plain PyTorch without graphs, in float32 and with TF32.
python=${PYTHON:-$(for p in "$root/.venv/bin/python" python3; do "$p" -c "import torch; assert torch.cuda.is_available()" 2>/dev/null && echo "$p" && break; done)}
if [ -n "$python" ]; then
    for size in 28 64; do
        part "plain-$size-float32" "$python" "$here/plain_pytorch.py" --size $size --rounds "$(rounds 50)"
        part "plain-$size-tf32" "$python" "$here/plain_pytorch.py" --size $size --tf32 --rounds "$(rounds 50)"
    done
else
    echo "-- no baseline: no Python with a PyTorch that sees the GPU"
fi

# side_by_side NAME K: runs K trials on one GPU. All warm up, then measure over the same seconds.
side_by_side() {
    local name=$1 k=$2 start ok=1 pids=()
    echo "-- $name: $k classifier trials side by side"
    start=$(($(date +%s) + 30 + 2 * k))
    for ((i = 0; i < k; ++i)); do
        timeout 900 "$bench" classifier --precision tf32 --seconds "$(rounds 20)" --start-at $start >"$out/$name-$i.part" 2>>"$out/$name.log" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || ok=0; done
    [ $ok = 1 ] || failed+=("$name")
    cat "$out/$name"-*.part | awk -v k="$k" 'BEGIN {printf "{\"trials\": %d, \"parts\": [", k} {printf "%s%s", n++ ? ", " : "", $0} END {print "]}"}' >"$out/$name.json"
    rm -f "$out/$name"-*.part
    grep -oE '"steps_per_s": [0-9.]+' "$out/$name.json" | awk '{sum += $2} END {printf "   %.1f steps/s in total\n", sum}'
}
for k in 1 2 4 8 16; do side_by_side "trials-$k" $k; done
# Processes on one GPU take turns; with NVIDIA's MPS their kernels run at the same time.
if command -v nvidia-cuda-mps-control >/dev/null; then
    export CUDA_MPS_PIPE_DIRECTORY=$out/mps CUDA_MPS_LOG_DIRECTORY=$out/mps
    mkdir -p "$out/mps"
    if nvidia-cuda-mps-control -d >/dev/null 2>&1; then
        for k in 2 4 8 16; do side_by_side "trials-mps-$k" $k; done
        echo quit | nvidia-cuda-mps-control >/dev/null 2>&1
    fi
    unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
fi

echo "-- dagan: a short real training"
"$build/bin/dagan" data make strokes -o "$out/strokes.h5" >/dev/null 2>"$out/strokes.log" || failed+=(strokes)
part dagan "$bench" dagan --data "$out/strokes.h5" --iterations "$(rounds 3000)" -o "$out/dagan"

# With MPI: a whole campaign. With two GPUs also a gang, undisturbed and with a trainer killed while
# it trains; both must give the same rows.
if [ -z "$carried" ] && command -v mpirun >/dev/null; then
    sweep=$root/sweeps/demo.yaml
    if [ -e "${DAGAN_DATA:-$root/data/sets}/omniglot.h5" ]; then
        sweep=$root/sweeps/desk.yaml
        export DAGAN_DATA=${DAGAN_DATA:-$root/data/sets}
    else
        export DAGAN_DATA=$out
    fi
    run() { "$build/bin/dagan" run "$sweep" --device cuda -q -o "$@" >>"$out/campaign.log" 2>&1; }
    table() { "$build/bin/dagan" results "$1" "$out/$2" --format csv 2>>"$out/campaign.log"; }
    echo "-- $(basename "$sweep") with --device cuda"
    run "$out/campaign" -n 1 --set resources.gan_ranks=1 && table table1 campaign >"$out/table1.csv" && cat "$out/table1.csv" || failed+=(campaign)
    if [ "$(nvidia-smi -L | wc -l)" -ge 2 ]; then
        echo "-- a gang on two GPUs, undisturbed and with a trainer killed"
        run "$out/gang" -n 2 --set resources.gan_ranks=2 || failed+=(gang)
        run "$out/killed" -n 2 --set resources.gan_ranks=2 &
        for ((i = 0; i < 600; ++i)); do ls "$out"/killed/checkpoints/*.resume.* >/dev/null 2>&1 && break || sleep 0.5; done
        kill -9 "$(pgrep -f "dagan-train work $out/killed" | head -n 1)" 2>/dev/null
        wait $! || failed+=(killed)
        [ "$(table rows gang)" = "$(table rows killed)" ] || failed+=(killed-rows)
    fi
fi

if command -v nsys >/dev/null; then
    nsys profile -o "$out/iteration" --force-overwrite true --cuda-graph-trace=node "$bench" iteration --precision tf32 --rounds 20 >/dev/null 2>"$out/nsys.log" &&
        nsys stats --report cuda_gpu_kern_sum --format csv "$out/iteration.nsys-rep" 2>>"$out/nsys.log" | head -n 20 >"$out/top_kernels.csv"
fi

{
    printf '{"machine": "%s", "driver": "%s", "commit": "%s", "when": "%s", "failed": [' \
        "$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)" "$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)" \
        "$("$build/bin/dagan" --version)" "$(date -u +%FT%TZ)"
    for ((i = 0; i < ${#failed[@]}; ++i)); do printf '%s"%s"' "$([ $i = 0 ] || echo ', ')" "${failed[$i]}"; done
    printf ']'
    for file in "$out"/*.json; do
        name=$(basename "$file" .json)
        [ "$name" = report ] || printf ',\n"%s": %s' "$name" "$(cat "$file")"
    done
    printf '}\n'
} >"$out/report.tmp" && mv "$out/report.tmp" "$out/report.json"
echo "-- $out/report.json; sample sheets in $out/dagan/samples; ${#failed[@]} parts failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
