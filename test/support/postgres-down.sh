#!/bin/bash
# Stops the PostgreSQL server that postgres-up.sh started in DIRECTORY, by the process id noted there, and no other.
#
#   test/support/postgres-down.sh DIRECTORY
set -euo pipefail

file=${1:?directory}/data/postmaster.pid
[ -f "$file" ] || exit 0
pid=$(head -1 "$file")
# A process id may have a new owner by now.
if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$1"; then
  kill -INT "$pid" 2>/dev/null || true # at once, without waiting for whoever is connected
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
fi
