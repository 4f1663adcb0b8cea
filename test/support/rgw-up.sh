#!/bin/bash
# A real S3 server for the tests: radosgw on a Ceph of one monitor and one store in memory, on loopback, in about 15 s.
#
#   test/support/rgw-up.sh DIRECTORY PORT
#
# DIRECTORY is made anew and holds everything, logs in log/. Keys: test / testing. Stop it with rgw-down.sh DIRECTORY.
# Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr ceph-common curl uuid-runtime
set -euo pipefail

dir=${1:?directory} port=${2:?port}
rm -rf "$dir"
mkdir -p "$dir"/{mon,osd,run,log,rgw}
dir=$(cd "$dir" && pwd)
: >"$dir/run/pids"

# The monitor's ports are free ones too: several of these servers may run on one machine.
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}
v2=$(free_port) v1=$(free_port)

# Replication and scrubbing have nothing to do here; the pools are small so that the first request is quick.
cat >"$dir/ceph.conf" <<EOF
[global]
fsid = $(uuidgen)
mon_host = [v2:127.0.0.1:$v2,v1:127.0.0.1:$v1]
mon_initial_members = a
public_network = 127.0.0.0/8
ms_bind_ipv4 = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 10000
mon_osd_max_split_count = 1000
mon_data_avail_warn = 0
mon_data_avail_crit = 0
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file = $dir/run/\$name.pid
log_file = $dir/log/\$name.log
crash_dir = $dir/log
keyring = $dir/keyring
setuser_match_path =
[mon]
mon_data = $dir/mon
[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 12884901888
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
[client]
rgw_data = $dir/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_dns_name = localhost
rgw_thread_pool_size = 32
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
rgw_run_sync_thread = false
debug_rgw = 1
EOF
export CEPH_CONF="$dir/ceph.conf"

fail() {
  echo "rgw-up: $1; the logs are in $dir/log" >&2
  "$(dirname "$0")/rgw-down.sh" "$dir" || true
  exit 1
}

# start NAME COMMAND…: in the background, its process id noted for rgw-down.sh
start() {
  local name=$1
  shift
  "$@" >"$dir/log/$name.out" 2>&1 </dev/null &
  echo $! >>"$dir/run/pids"
}

key() {
  ceph-authtool "$dir/keyring" --gen-key "$@" >>"$dir/log/setup.out"
}
ceph-authtool --create-keyring "$dir/keyring" >>"$dir/log/setup.out"
key -n mon. --cap mon 'allow *'
key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'

monmaptool --create --fsid "$(sed -n 's/^fsid = //p' "$CEPH_CONF")" \
  --addv a "[v2:127.0.0.1:$v2,v1:127.0.0.1:$v1]" "$dir/monmap" >>"$dir/log/setup.out"
ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring" >>"$dir/log/setup.out" 2>&1
start mon ceph-mon -c "$CEPH_CONF" -i a -f --mon_warn_on_pool_no_redundancy=false

osd=$(uuidgen)
timeout 30 ceph osd new "$osd" >>"$dir/log/setup.out" 2>&1 || fail 'the monitor does not answer'
ceph-osd -c "$CEPH_CONF" -i 0 --mkfs --osd-uuid "$osd" >>"$dir/log/setup.out" 2>&1
start osd ceph-osd -c "$CEPH_CONF" -i 0 -f
up=no
for _ in $(seq 100); do
  if ceph osd stat 2>/dev/null | grep -q '1 up'; then up=yes && break; fi
  sleep 0.3
done
[ $up = yes ] || fail 'the store does not come up'

timeout 60 radosgw-admin -c "$CEPH_CONF" user create --uid=test --display-name=test \
  --access-key=test --secret-key=testing >>"$dir/log/setup.out" 2>&1 || fail 'no user could be made'
start rgw radosgw -c "$CEPH_CONF" -n client.admin -f
for _ in $(seq 200); do
  if curl -s -o /dev/null "http://127.0.0.1:$port/"; then exit 0; fi
  sleep 0.2
done
fail 'radosgw does not answer'
