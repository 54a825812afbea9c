# What the scripts share; they source it from the root of the clone. It needs bash.

# Say what is wrong, in a sentence, and stop.
die() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 1
}

# Install one of Debian's packages.
debian_package() {
    local as_root=()
    command -v apt-get > /dev/null || die "please install $1; this is not a Debian system, so it cannot be done here."
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || die "please have root run: apt-get install $1"
        as_root=(sudo)
    fi
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1")
    echo "Installing Debian's package $1 ..." >&2
    # A machine that was just set up has no lists of packages yet.
    "${as_root[@]}" "${install[@]}" >&2 ||
        { "${as_root[@]}" apt-get update -q >&2 && "${as_root[@]}" "${install[@]}" >&2; } ||
        die "Debian's package $1 could not be installed; the messages above say why."
}

# Make the virtual environment .venv, if there is none that works.
virtualenv() {
    [ -x .venv/bin/pip ] && .venv/bin/python -m pip --version > /dev/null 2>&1 && return
    command -v python3 > /dev/null || debian_package python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Python 3.11 or newer is needed; python3 is $(python3 -V 2>&1)."
    # Debian keeps a part of this module in a package of its own.
    python3 -c 'import ensurepip, venv' 2> /dev/null || debian_package python3-venv
    python3 -m venv --clear .venv
}

# Install localshop for one purpose: `environment NAME ARGUMENTS-OF-PIP...`. When nothing has
# changed since the last time, this takes a few milliseconds.
environment() {
    local stamp=".venv/installed-$1" state
    # The place counts, because the commands in a virtual environment know where they lie.
    state="$(pwd; .venv/bin/python -V 2>&1; printf '%s\n' "$@"; cat pyproject.toml)" || true
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && return
    mkdir -p .cache
    (
        # Two scripts that start at once must not install into each other's work.
        ! command -v flock > /dev/null || flock 9
        virtualenv
        echo "Setting up .venv ..." >&2
        # Dependency groups (PEP 735) came with pip 25.1; Debian 12 has an older one.
        .venv/bin/python -m pip install -q --upgrade 'pip>=25.1' >&2
        .venv/bin/python -m pip install -q "${@:2}" >&2
        (pwd; .venv/bin/python -V 2>&1; printf '%s\n' "$@"; cat pyproject.toml) > "$stamp"
    ) 9> .cache/environment.lock
}

# Have the browser that the web interface is tested in, and fonts, without which it shows boxes.
browser() {
    command -v chromium > /dev/null || debian_package chromium
    command -v fc-list > /dev/null || debian_package fontconfig
    [ -n "$(fc-list :family='DejaVu Sans' 2> /dev/null)" ] || debian_package fonts-dejavu-core
}
