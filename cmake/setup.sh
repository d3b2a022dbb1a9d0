#!/usr/bin/env bash
# Installs the build's dependencies: Debian packages by apt (as root or with sudo; otherwise lists
# the missing ones) and LibTorch by pip into .venv, unless TORCH_ROOT names a LibTorch folder.
#   CUDA=1     also the CUDA libraries of the GPU part
#   LINT=1     also clang-format, for `make lint` and `make check`, which set it
#   SLURM=1    also Slurm, for the tests labelled slurm
#   RESULTS=1  also the programs for PNG figures and for the PostgreSQL and browser tests
# Returns at once when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

packages=(
    g++ cmake ninja-build ccache pkg-config python3-venv libopenmpi-dev openmpi-bin libhdf5-dev
    libyaml-cpp-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev libbenchmark-dev
    libcli11-dev nlohmann-json3-dev libcereal-dev libsoci-dev libsqlite3-dev libpq-dev
    libarchive-dev libspng-dev libturbojpeg0-dev libxxhash-dev libssl-dev libboost-dev sqlite3
)

[ "${LINT:-0}" = 1 ] && packages+=(clang-format)

# Slurm's mpi_pmix plug-in opens libpmix.so, which only the -dev package has.
[ "${SLURM:-0}" = 1 ] && packages+=(slurm-wlm munge libpmix-dev iproute2 util-linux)

# Without these, PNG figures fail, and the PostgreSQL and browser tests are skipped.
[ "${RESULTS:-0}" = 1 ] && packages+=(
    librsvg2-bin fonts-dejavu-core postgresql chromium python3-pandas r-cran-rsqlite
)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "setup: missing Debian packages: ${missing[*]};" \
                "hint: ask an administrator to run: apt-get install ${missing[*]}" >&2
            exit 3
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${#missing[@]} packages"
    "${as_root[@]}" apt-get update -qq >build/setup.log 2>&1
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >>build/setup.log 2>&1 ||
        { tail -n 20 build/setup.log >&2; exit 3; }
fi

# The pinned wheel. On CPUs these three suffice: libtorch_cpu.so needs two small CUDA libraries.
wheels=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
if [ -z "${TORCH_ROOT:-}" ] && [ ! -e .venv/setup-done ]; then
    echo "setup: installing LibTorch (${wheels[0]}) into .venv"
    python3 -m venv .venv
    .venv/bin/pip install --quiet --no-deps "${wheels[@]}"
    touch .venv/setup-done
fi

# All dependencies of the same torch wheel (4.7 GB): libdagan_cuda.so needs them at build and run
# time. LibTorch itself does not change, so nothing else is rebuilt.
if [ "${CUDA:-0}" = 1 ]; then
    if ! command -v nvcc >/dev/null && [ ! -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]; then
        echo "setup: nvcc not found; hint: install the CUDA 13.0 toolkit, or set CUDA_HOME" >&2
        exit 3
    fi
    if [ -z "${TORCH_ROOT:-}" ] && [ ! -e .venv/setup-done-cuda ]; then
        echo "setup: installing the CUDA libraries of ${wheels[0]} into .venv"
        .venv/bin/pip install --quiet "${wheels[0]}"
        touch .venv/setup-done-cuda
    fi
fi
