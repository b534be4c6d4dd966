#!/bin/sh
# Installs the Debian packages that the tests use and Python's package index does not have: kcat, a second reader of
# Kafka; jq, node, npm and a JDK, for what other languages make of our contracts; prometheus (with promtool) and
# prometheus-alertmanager (with amtool); chromium and its driver, for the page; iproute2, for hosts on one machine.
# Starts none of them as a service.
# Quiet, installs only what is missing. Where that can't be done it says so in one line and ends well: the tests that
# need the package are skipped then, each with its reason.
set -u

COMMANDS_AND_PACKAGES="kcat:kcat jq:jq ip:iproute2 node:nodejs npm:npm javac:default-jdk-headless prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager chromium:chromium chromedriver:chromium-driver"

missing=""
for pair in $COMMANDS_AND_PACKAGES; do
    command -v "${pair%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

cannot() {
    echo "debian-packages:$missing not installed ($1); tests that need it are skipped" >&2
    exit 0
}

command -v apt-get >/dev/null 2>&1 || cannot "no apt-get here: install it by your own system's means"
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || cannot "needs root, or sudo without a password"
    as_root="sudo -n"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Debian's way of saying that a package must not start what it brings.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$log"; $as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy"
fi
# shellcheck disable=SC2086  # both are lists of words
if ! { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    cannot "apt-get says: $(grep -E '^E:|rror' "$log" | tail -n 1)"
fi
# Nor at the next boot.
if [ -d /run/systemd/system ]; then
    for package in $missing; do
        $as_root systemctl disable --quiet "$package" >/dev/null 2>&1
    done
fi
exit 0
