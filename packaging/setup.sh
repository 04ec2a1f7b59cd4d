# Shared by packaging/run and packaging/test: makes .venv and installs what is missing. Sourced, not run.
# Needs: Python 3.11 or newer with venv and pip. Uses apt when it may; otherwise prints the exact command.

say() { printf '%s\n' "$*" >&2; }

# What Python compiled is kept: the many processes of Arcxo would compile all of it anew otherwise.
unset PYTHONDONTWRITEBYTECODE

arcxo_find_python() {
    for candidate in "${ARCXO_PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    say "Arcxo needs Python 3.11 or newer, and none was found."
    say "Install it (Debian 12, Ubuntu 24.04): sudo apt-get install python3 python3-venv python3-pip"
    return 1
}

# arcxo_system_packages PACKAGE… : installs the Debian packages that are not there yet.
arcxo_system_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' && continue
        # Ubuntu 24.04 renamed some libraries (…t64).
        dpkg-query -W -f '${Status}' "${package}t64" 2>/dev/null | grep -q 'install ok installed' && continue
        missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        sudo=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo="sudo"
    else
        say "These system packages are missing, and installing them needs root. Run:"
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing"
        say "then run this command again."
        return 1
    fi
    say "Installing system packages:$missing"
    # shellcheck disable=SC2086 # the list is split on purpose
    if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
        $sudo apt-get update -qq
        # shellcheck disable=SC2086
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    fi
}

# arcxo_environment LOCK : .venv holds exactly what the lock says; nothing is done when it does already.
arcxo_environment() {
    lock="$1"
    python="$(arcxo_find_python)" || return 1
    stamp=".venv/.arcxo-$(basename "$lock")"
    wanted="$(cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1) $("$python" -V) $PWD"
    if [ -x .venv/bin/arcxo ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        packaging/native
        return 0
    fi
    # The system's Python keeps its headers in a package of their own. Without a compiler all works, slower.
    case "$(readlink -f "$(command -v "$python")")" in
        /usr/bin/*) arcxo_system_packages gcc libc6-dev python3-dev || true ;;
        *) arcxo_system_packages gcc libc6-dev || true ;;
    esac
    if ! [ -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
        say "Making the virtual environment .venv"
        if ! "$python" -m venv --clear .venv >/dev/null 2>&1; then
            arcxo_system_packages python3-venv || return 1
            "$python" -m venv --clear .venv
        fi
    fi
    say "Installing the locked dependencies"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r packaging/locks/build.txt
    packaging/native
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    printf '%s' "$wanted" > "$stamp"
}

ARCXO_QT_PACKAGES="libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 libxcb-render-util0 libxcb-xinerama0 libxcb-randr0 libxcb-xkb1"
ARCXO_TEST_PACKAGES="xvfb openbox xdotool xauth iproute2 btrfs-progs xfsprogs e2fsprogs util-linux acl postgresql faketime"
