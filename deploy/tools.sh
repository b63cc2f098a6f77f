#!/bin/sh
# Fetches the programs that only tests of deploy files need, into .tools/bin: kustomize, promtool.
#
# From Debian's archive, by hash, for x86-64; elsewhere install them yourself. Needs curl and dpkg.
set -eu
cd "$(dirname "$0")/.."
place=$PWD/.tools
mkdir -p "$place/bin"

fetch() { # fetch PROGRAM FILE SHA256
    [ -x "$place/bin/$1" ] && return
    folder=$(mktemp -d)
    curl --fail --silent --show-error --location --max-time 120 \
        --output "$folder/package.deb" "http://deb.debian.org/debian/pool/main/$2"
    echo "$3  $folder/package.deb" | sha256sum --check --quiet
    dpkg -x "$folder/package.deb" "$folder"
    mv "$folder/usr/bin/$1" "$place/bin/$1"
    rm -r "$folder"
}

fetch kustomize k/kustomize/kustomize_5.6.0+ds-1+b2_amd64.deb \
    552bbe5563b522685b10f75a9a226bfbee9778fc313b205d595fdbb7e9c70e33
fetch promtool p/prometheus/promtool_2.53.3+ds1-2_amd64.deb \
    ff27654eacc95abd846d344e91fe4ba3b4f0588a50d606ed1d2f09ad3408722f
