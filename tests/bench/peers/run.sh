#!/usr/bin/env bash
# Measures DAGAN-Sweep and other task runners on the same no-op tasks, one after another in one run,
# so that their ratios are comparable.
#   tests/bench/peers/run.sh BUILD [ROUNDS]
# Installs the other programs by pip into FOLDER (default BUILD/peers); about a minute.
set -euo pipefail
here=$(realpath "$(dirname "$0")") build=$(realpath "$1") rounds=${2:-2} folder=${FOLDER:-$1/peers}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpi=(mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1)

venv() { # NAME PACKAGE; separate environments, because their requirements conflict
    [ -x "$folder/$1/bin/python" ] || python3 -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install -q --disable-pip-version-check "$2"
}
venv mpi4py mpi4py
venv dask distributed
venv libensemble libensemble
venv hyperqueue hyperqueue

for _ in $(seq "$rounds"); do
    "${mpi[@]}" -n 2 "$build/tests/agents_bench"
    "$here/../no_op.sh" "$build" 20000 2 512 | sed -n 1p
    "${mpi[@]}" -n 3 "$folder/mpi4py/bin/python" -m mpi4py.futures "$here/no_op.py" mpi4py 20000
    "$folder/dask/bin/python" "$here/no_op.py" dask 3000
    "$folder/libensemble/bin/python" "$here/no_op.py" libensemble 3000 2>/dev/null
    "$folder/hyperqueue/bin/python" "$here/no_op.py" hyperqueue 2000 | grep tasks/s
done
