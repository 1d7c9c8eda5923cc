# Sourced by the scripts beside it.

# One line, and out.
fail() {
    echo "trackgate: $*" >&2
    exit 1
}

say() {
    echo "trackgate: $*" >&2
}

# The version that is built.
version() {
    sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1
}

# Installs Debian packages; says nothing unless it fails. Everything it prints goes to standard error.
install_packages() {
    command -v apt-get > /dev/null || fail "$* not installed, and there is no apt-get here to install it with"
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || fail "$* not installed, and installing it takes root or sudo"
        as_root=(sudo)
    fi
    say "installing $*"
    local log
    log="$(mktemp)"
    if ! { "${as_root[@]}" apt-get update -q && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "$@"; } > "$log" 2>&1; then
        fail "apt-get could not install $*: $(grep -m1 '^E:' "$log" || tail -n1 "$log")"
    fi
    rm -f "$log"
}
