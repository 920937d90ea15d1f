#!/bin/sh
# Installs what the full tests need from Debian's packages, or prints the line that does and exits 2.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v firefox-esr >/dev/null 2>&1 || missing="$missing firefox-esr"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v pdftoppm >/dev/null 2>&1 || missing="$missing poppler-utils"
command -v turnserver >/dev/null 2>&1 || missing="$missing coturn"
[ -z "$missing" ] && exit 0
line="apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    prefix=""
elif sudo -n true 2>/dev/null; then
    prefix="sudo "
else
    printf 'The full tests need Debian packages that are missing. Run, then start again:\n  sudo sh -c "%s"\n' "$line" >&2
    exit 2
fi
printf 'Installing%s …\n' "$missing" >&2
log=$(mktemp)
if ! ${prefix}sh -c "$line" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    printf 'That did not work; is there a network? The line was:\n  %s\n' "$line" >&2
    exit 2
fi
rm -f "$log"
