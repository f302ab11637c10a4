#!/bin/sh
# Installs the clients, each into a folder of its own: what they need does not agree.
set -eu
cd "$(dirname "$0")"
for client in azure_cli msgraph_sdk; do
    if [ ! -x ".$client/bin/python" ] || ! cmp -s "$client.txt" ".$client/installed"; then
        python3 -m venv --clear ".$client"
        ".$client/bin/pip" install --quiet --disable-pip-version-check -r "$client.txt"
        cp "$client.txt" ".$client/installed"
    fi
done
