#!/bin/bash
# A real PostgreSQL server for the tests, on loopback, in about 2 s.
#
#   test/support/postgres-up.sh DIRECTORY PORT
#
# DIRECTORY is made anew and holds everything, the log too. User and password: ddv / testing; database: ddv. The user
# "guest" is asked for no password. As root it runs as the user postgres, who must be able to go there. Stop it with
# postgres-down.sh DIRECTORY.
# Debian: apt-get install --no-install-recommends postgresql
set -euo pipefail

dir=${1:?directory} port=${2:?port}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)")

# The server does not run as root.
as_user=()
if [ "$(id -u)" -eq 0 ]; then
  id postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
  as_user=(setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups)
fi

rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
printf 'testing\n' >"$dir/password"
[ ${#as_user[@]} -eq 0 ] || chown -R postgres "$dir"
fail() {
  echo "postgres-up: $1; the log is $dir/log" >&2
  "$(dirname "$0")/postgres-down.sh" "$dir" || true
  exit 1
}

[ ${#as_user[@]} -eq 0 ] || "${as_user[@]}" test -x "$dir" || fail 'the user postgres cannot go there'
cd "$dir"
"${as_user[@]}" "$bin/initdb" -D "$dir/data" -U ddv --pwfile="$dir/password" --auth=scram-sha-256 \
  --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/setup.out" 2>&1 || fail 'initdb failed'
printf 'host all guest 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n' \
  | "${as_user[@]}" tee "$dir/data/pg_hba.conf" >/dev/null
# Nothing of it outlives the tests, so nothing waits for the disk.
"${as_user[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -s -w -t 30 \
  -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c fsync=off" \
  start || fail 'the server does not start'
export PGPASSWORD=testing
"${as_user[@]}" "$bin/psql" -q -h 127.0.0.1 -p "$port" -U ddv -d postgres \
  -c 'create database ddv' -c 'create role guest login' >"$dir/setup.out" 2>&1 || fail 'no database could be made'
