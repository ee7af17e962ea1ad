#!/usr/bin/env bash
# Makes .venv with everything that `make reproduce` and `make test` need, on a Debian or Ubuntu with Python 3.11 or newer.
# Does nothing when it is up to date. Leaves behind, in .venv:
#   gl.env           how MuJoCo draws on this machine (sourced by the Makefile)
#   install_seconds  how long the last installation took [s]
#   install.log      what pip and apt said
# PARA_NO_APT=1 never calls apt-get, not even as root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/gl.sh

EXTRAS="libero,test,dino,diffusion,video"
CPU_INDEX="https://download.pytorch.org/whl/cpu"
LOG=.venv/install.log

say() { printf '[setup %4ss] %s\n' "$SECONDS" "$*"; }

die() {
    printf '\nset-up failed: %s\n' "$*" >&2
    exit 1
}

fingerprint() {  # what an installation depends on; another checkout's .venv does not count
    { cat pyproject.toml constraints.txt scripts/setup.sh scripts/gl.sh; pwd; } | sha256sum | cut -d' ' -f1
}

may_apt() { [[ "$(id -u)" == 0 && -z "${PARA_NO_APT:-}" ]] && command -v apt-get >/dev/null; }

apt_install() {
    say "apt-get install $*"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >>"$LOG" 2>&1
}

find_python() {  # versions that the pins were made for come first
    local candidate
    for candidate in python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "no Python 3.11 or newer found. On Debian or Ubuntu: apt-get install python3 python3-venv"
}

make_venv() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
    local python version
    python=$(find_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "new .venv with Python $version ($python)"
    if ! "$python" -m venv .venv >>"$LOG" 2>&1; then  # Debian ships venv apart from Python
        may_apt || die "Python's venv module is missing. Run: sudo apt-get install python$version-venv"
        apt_install "python$version-venv" || die "apt-get could not install python$version-venv; see $LOG"
        "$python" -m venv .venv >>"$LOG" 2>&1 || die "cannot make a virtual environment; see $LOG"
    fi
}

pip_install() {  # pip, with its large downloads shown and the rest in the log
    if ! .venv/bin/python -m pip install --progress-bar off "$@" 2>&1 | tee -a "$LOG" |
        { grep --line-buffered -E 'Downloading .* MB\)|^Building' || true; }; then
        tail -n 15 "$LOG" >&2
        die "pip install failed; the whole story is in $LOG"
    fi
}

torch_index() {  # without an NVIDIA card the CPU build saves 3 GB, where PyTorch's own index can be reached
    if nvidia-smi -L >/dev/null 2>&1; then return; fi
    local look="import urllib.request as u; u.urlopen('$CPU_INDEX/torch/', timeout=3)"
    if timeout 3 .venv/bin/python -c "$look" >/dev/null 2>&1; then
        echo "--extra-index-url $CPU_INDEX"
    fi
}

only_headless_opencv() {  # robosuite asks for opencv-python, whose cv2 needs the X libraries and overwrites the headless one
    local pin
    pin=$(grep '^opencv-python-headless==' constraints.txt)
    .venv/bin/python -m pip uninstall -y opencv-python >>"$LOG" 2>&1
    pip_install --no-deps --force-reinstall "$pin"
}

install() {
    local index
    say "installing the pinned packages (about 2 GB; details in $LOG)"
    index=$(torch_index)
    # shellcheck disable=SC2086  # $index is nothing or two words
    pip_install -c constraints.txt $index "$(grep '^torch==' constraints.txt)"
    say "torch is there"
    pip_install -c constraints.txt -e ".[$EXTRAS]"
    say "para and its simulator are there"
    only_headless_opencv
    .venv/bin/python -c 'import cv2, torch, mujoco, para' || die "the installed packages cannot be imported (above)"
}

mkdir -p .venv
exec 9>.venv/setup.lock
flock 9  # two makes at once wait for one another
wanted=$(fingerprint)
if [[ "$(cat .venv/stamp 2>/dev/null)" == "$wanted" ]]; then exit 0; fi
rm -f .venv/stamp
: >"$LOG"
make_venv
install
choose_gl
echo "$SECONDS" >.venv/install_seconds
echo "$wanted" >.venv/stamp
say "ready"
