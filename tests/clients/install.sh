#!/bin/sh
# Installs the clients below target/clients, each into a folder of its own: what they need does not
# agree.
set -eu
cd "$(dirname "$0")"
into=../../target/clients
mkdir -p "$into"
for client in azure_cli msgraph_sdk scim2; do
    if [ ! -x "$into/$client/bin/python" ] || ! cmp -s "$client.txt" "$into/$client/installed"; then
        python3 -m venv --clear "$into/$client"
        "$into/$client/bin/pip" install --quiet --disable-pip-version-check -r "$client.txt"
        cp "$client.txt" "$into/$client/installed"
    fi
done
