#!/bin/bash
# Stops the S3 server that rgw-up.sh started in DIRECTORY: by the process ids noted there, and no others.
#
#   test/support/rgw-down.sh DIRECTORY
set -euo pipefail

pids=${1:?directory}/run/pids
[ -f "$pids" ] || exit 0
# The last one first: the gateway before what it stands on. Killed outright, since there is nothing to keep.
tac "$pids" | while read -r pid; do
  # A process id may have a new owner by now.
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$1"; then kill -KILL "$pid" 2>/dev/null || true; fi
done
rm -f "$pids"
