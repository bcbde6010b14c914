#!/usr/bin/env bash
# A sweep on several machines with GNU parallel over ssh, tried on this one: a real sshd on the loopback address, two
# logins, four shards, one of them lost and repaired, merged, and held against a sweep without any of that.
#
#   parallel-ssh.sh [folder of traces]     PGTRACE: how to call pgtrace (default: the build of this tree)
#
# Exit code 0: the bytes are the same. 77: GNU parallel or OpenSSH is not installed.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
traces=${1:+$(cd "$1" && pwd)}
pgtrace=${PGTRACE:-"$(command -v node) $root/bin/pgtrace.js"}
for tool in parallel ssh ssh-keygen sshd; do
  PATH="$PATH:/usr/sbin" command -v "$tool" > /dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
sshd=$(PATH="$PATH:/usr/sbin" command -v sshd)

work=$(mktemp -d)
daemon=
finish() {
  if [ -n "$daemon" ]; then kill "$daemon" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
if [ -z "$traces" ]; then
  traces=$work/traces
  mkdir "$traces"
  cp "$root"/traces/*.ndjson "$root"/traces/*.gz "$traces"
fi

# A server of our own: its key, a user's key, no other way in.
ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/user"
cp "$work/user.pub" "$work/authorized"
chmod 600 "$work/authorized"
# Run by root, sshd wants a folder to lock itself into.
if [ "$(id -u)" = 0 ]; then mkdir -p /run/sshd; fi
start_sshd() {
  cat > "$work/sshd_config" << CONFIG
Port $1
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
StrictModes no
UsePAM no
MaxStartups 100
CONFIG
  "$sshd" -D -e -f "$work/sshd_config" 2> "$work/sshd.log" &
  daemon=$!
  for _ in $(seq 50); do
    if (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then
      # Alive: the port is not somebody else's.
      if kill -0 "$daemon" 2> /dev/null; then return 0; fi
    fi
    kill -0 "$daemon" 2> /dev/null || return 1
    sleep 0.1
  done
  return 1
}
port=
for try in 1 2 3 4 5; do
  port=$((20000 + RANDOM % 20000))
  if start_sshd "$port"; then break; fi
  daemon=
  if [ "$try" = 5 ]; then cat "$work/sshd.log" >&2; exit 1; fi
done

# Two machines, as an ssh_config names them; here both lead to this one.
for host in machine-a machine-b; do
  cat >> "$work/ssh_config" << CONFIG
Host $host
  HostName 127.0.0.1
  Port $port
  User $(id -un)
  IdentityFile $work/user
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
CONFIG
done
for host in machine-a machine-b; do ssh -F "$work/ssh_config" "$host" true; done

options='--allocator kernel --allocator reserve --flush all --quiet'
sweep_in_shards() {
  # shellcheck disable=SC2086
  PARALLEL_HOME="$work/parallel" parallel --will-cite --quote --ssh "ssh -F $work/ssh_config" --sshlogin 1/machine-a,1/machine-b \
    --joblog "$work/joblog" --resume --retries 2 "$@" \
    sh -c "exec $pgtrace sweep $traces $options --jobs 1 --shard {}/4 -o $work/rows-{}" ::: 1 2 3 4
}
mkdir -p "$work/parallel"

sweep_in_shards
# A machine was lost with its rows: its line leaves the log, and the same command runs that shard alone.
rm -r "$work/rows-3"
grep -v 'shard 3/4' "$work/joblog" > "$work/joblog.mended"
mv "$work/joblog.mended" "$work/joblog"
sweep_in_shards
logins=$(awk 'NR > 1 {print $2}' "$work/joblog" | sort -u | wc -l)
ran=$(awk 'NR > 1 && $7 == 0' "$work/joblog" | wc -l)

$pgtrace merge "$work"/rows-[1-4]/ -o "$work/parallel.ndjson"
# shellcheck disable=SC2086
$pgtrace sweep "$traces" $options -o "$work/local.ndjson"
cmp "$work/parallel.ndjson" "$work/local.ndjson"
[ -s "$work/local.ndjson" ] || { echo 'no rows' >&2; exit 1; }
[ "$ran" = 4 ] || { echo "$ran shards in the job log instead of 4" >&2; exit 1; }
[ "$logins" = 2 ] || { echo "$logins logins were used instead of 2" >&2; exit 1; }
echo "the same $(wc -l < "$work/local.ndjson") rows from 4 shards over $logins ssh logins as from one sweep"
