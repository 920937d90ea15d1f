# Sourced by ./run and ./test: finds Python, and makes the environment that a hashed lock describes.
# An environment lives in .venvs/<profile>-<hash of its lock>; it is complete or it is not there.

say() { printf '%s\n' "$*" >&2; }

# tell VIETNAMESE ENGLISH: one of them, by --lang (in MEETINGS_LANG) or the terminal's language
tell() {
    case "${MEETINGS_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in en*) say "$2" ;; *) say "$1" ;; esac
}

# take_language ARGUMENTS: `--lang XX` speaks for the first steps, too
take_language() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --lang=*) MEETINGS_LANG=${1#--lang=} ;;
            --lang) MEETINGS_LANG=${2:-} ;;
        esac
        shift
    done
    if [ -n "${MEETINGS_LANG:-}" ]; then export MEETINGS_LANG; fi
}

find_python() {
    for candidate in "${MEETINGS_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            BASE_PYTHON=$candidate
            return 0
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "-")
    tell "Cần Python 3.11 trở lên; máy này có: $found." "Python 3.11 or newer is needed; found: $found."
    say "Debian 12+:  sudo apt-get install -y python3 python3-venv"
    return 2
}

# make_environment PROFILE LOCKFILE: sets PYTHON
make_environment() {
    profile=$1 lock=$2
    find_python || return 2
    if ! "$BASE_PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        tell "Thiếu mô-đun venv của Python. Trên Debian:  sudo apt-get install -y python3-venv" \
            "Python's venv module is missing. On Debian:  sudo apt-get install -y python3-venv"
        return 2
    fi
    hash=$("$BASE_PYTHON" - "$lock" <<'PY'
import hashlib, sys
data = open(sys.argv[1], "rb").read() + sys.version.encode() + sys.prefix.encode()
print(hashlib.sha256(data).hexdigest()[:12])
PY
)
    environment="$PWD/.venvs/$profile-$hash"
    PYTHON="$environment/bin/python"
    [ -f "$environment/complete" ] && return 0
    if ! { mkdir -p .venvs && : >.venvs/.lock; } 2>/dev/null; then
        tell "Không ghi được vào thư mục $PWD: hãy cấp quyền ghi, hoặc giải phóng đĩa." \
            "The folder $PWD cannot be written to: give write permission, or free some disk space."
        return 2
    fi
    # two may be started together: the second one finds what the first has made
    if command -v flock >/dev/null 2>&1; then
        exec 9>.venvs/.lock
        flock 9
        [ -f "$environment/complete" ] && { exec 9>&-; return 0; }
    fi
    install_environment "$lock"
    status=$?
    exec 9>&-
    return "$status"
}

# install_environment LOCKFILE: whole, or nothing is kept; what a killed one left behind is thrown away
install_environment() {
    lock=$1
    tell "Đang cài các gói Python của $lock (khoảng một phút, một lần) …" \
        "Installing the Python packages of $lock (about a minute, once) …"
    rm -rf "$environment"
    log=.venvs/install.log
    if ! { "$BASE_PYTHON" -m venv "$environment" &&
           "$PYTHON" -m pip --disable-pip-version-check install --quiet --no-input --require-hashes --only-binary :all: -r "$lock"; } >"$log" 2>&1; then
        rm -rf "$environment"
        tail -n 5 "$log" >&2
        if grep -qi 'no space left' "$log"; then
            tell "Đĩa đã đầy: cần khoảng 1 GB cho các gói. Chưa có gì được cài." \
                "The disk is full: the packages need about 1 GB. Nothing was installed."
        elif grep -qiE 'connection|resolve|timed out|network|retries|could not find a version' "$log"; then
            tell "Không tải được các gói: máy có mạng không, pip có kho gói không? Chưa có gì được cài." \
                "The packages could not be fetched: is there a network, and a package index configured for pip? Nothing was installed."
        else
            tell "Không cài được các gói; chi tiết ở $log. Không giữ lại gì." \
                "The packages could not be installed; the whole story is in $log. Nothing was kept."
        fi
        return 2
    fi
    touch "$environment/complete"
    for old in .venvs/"$profile"-*; do
        [ "$PWD/$old" = "$environment" ] || rm -rf "$old"
    done
}

# build_front: the browser side and the catalogues, built only when their sources changed, and the relay's compiled
# fan-out where there is a C compiler; nothing needs that one
build_front() {
    "$PYTHON" -m tools.build_front || return 2
    "$PYTHON" -m tools.build_fanout || true
}
