#!/usr/bin/env bash
# Chromium for the tests that look at the rendered page: through apt when root, where the distribution has it as a package.
# Never fails: without it those tests say that they were skipped. PARA_NO_APT=1 never calls apt-get.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
LOG=.venv/browser.log

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [[ "$(id -u)" != 0 || -n "${PARA_NO_APT:-}" || -e "$LOG" ]] || ! command -v apt-get >/dev/null; then exit 0; fi
echo "[browser] apt-get install chromium, for the tests that look at the page (details in $LOG)"
{ timeout 300 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y --no-install-recommends chromium; } \
    >"$LOG" 2>&1 || echo "[browser] no chromium to be had; those tests will be skipped"
exit 0
