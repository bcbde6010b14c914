import { describe, expect, it } from 'vitest';
import { jsonLog } from '../../../../src/trace/import/log/json-logs.ts';
import { importText } from '../read.ts';

const BPFTRACE =
  '{"type": "attached_probes", "data": {"probes": 2}}\n{"type": "printf", "data": "map pid=7 iova=0x1000 paddr=0x2000 size=4096\\n"}\n';
const JOURNAL =
  '{"_TRANSPORT":"kernel","__REALTIME_TIMESTAMP":"1763671741113585","MESSAGE":"iommu: unmap this: iova 0x1000 size 0x1000"}\n';
const DMESG =
  '{\n   "dmesg": [\n      {\n         "pri": 6,\n         "time":     0.000000,\n         "msg": "Booting"\n      }\n   ]\n}\n';
const CHROME = '{"traceEvents":[{"name":"map","ph":"X","ts":1,"pid":7,"tid":7}]}\n';
const PERFETTO = '[\n{"name":"map","cat":"iommu","ph":"i","ts":1,"pid":7,"tid":7},\n';

describe('logs in JSON', () => {
  it.each([
    ['bpftrace', BPFTRACE, /bpftrace -f json; .*`jq -j .* FILE \| pgtrace import -`/],
    ['bpftrace without its first line', BPFTRACE.slice(BPFTRACE.indexOf('\n') + 1), /bpftrace -f json/],
    ['the journal', JOURNAL, /journal; .*`journalctl -k -o short-monotonic/],
    ['dmesg', DMESG, /dmesg -J; .*`dmesg > trace.txt`/],
    ['Chrome', CHROME, /Chrome or Perfetto; .*`cat \/sys\/kernel\/tracing\/trace/],
    ['Chrome, an array', PERFETTO, /Chrome or Perfetto/],
  ])('%s: the remedy is told', async (_, text, remedy) => {
    expect(jsonLog(text)).toMatch(remedy);
    const { outcome } = await importText(text);
    expect(outcome.error?.message).toMatch(remedy);
  });

  it.each([
    '',
    'text',
    '{"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}\n',
    '{"op":"trace","version":1,"source":"a","meta":{"__REALTIME_TIMESTAMP":1,"ph":"X","ts":1}}\n',
    '{"iova":"0x1000","op":"map","ts":1}\n',
    '{"op":"map"',
    '[{"op":"map","iova":"0x1000"}]',
    '[    7.242126] iommu: unmap this: iova 0x1000 size 0x1000',
  ])('not %j', (text) => {
    expect(jsonLog(text)).toBeNull();
  });
});
