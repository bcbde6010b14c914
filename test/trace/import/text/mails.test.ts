import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Import, importText, SAMPLES } from '../read.ts';

const LINES = 600;
const TRACES = join(import.meta.dirname, '../../../../traces');
const RECORDINGS: readonly string[] = [
  ...['boot-6.1', 'kprobe-6.1', 'kprobe-6.1-vfio'].map((name) => join(TRACES, `smmuv3-${name}.txt.gz`)),
  ...[
    'ftrace-clock-boot',
    'ftrace-trace_pipe',
    'ftrace-noirqinfo',
    'ftrace-latency-format',
    'ftrace-latency-format-verbose',
    'kprobe',
    'kprobe-gather',
    'perf-script',
    'perf-script-F',
    'perf-script-g',
    'perf-script-ns',
    'trace-cmd-report',
    'trace-cmd-report-R',
    'trace-cmd-report-l',
    'trace-cmd-report-t',
    'trace-cmd-report-tsdiff',
  ].map((name) => join(SAMPLES, `${name}.txt`)),
];

function linesOf(path: string): string[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  return text.split('\n').slice(0, LINES);
}

/** As many words as fit, as mail programs do it; the blanks that a line begins with stay, those at a break go. */
function wrapped(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const indent = /^\s*/.exec(rest)?.[0].length ?? 0;
    let at = rest.lastIndexOf(' ', width);
    if (at <= indent) at = rest.indexOf(' ', Math.max(indent, width));
    if (at < 0) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

function told({ events }: Import): unknown[] {
  return events.map(({ event, ret, withoutGather }) => ({ event, ret, withoutGather }));
}

describe.each(RECORDINGS)('a mail with %s', (path) => {
  it('holds the same events', async () => {
    const lines = linesOf(path);
    const whole = await importText(lines.join('\n'));
    expect(whole.events.length).toBeGreaterThan(3);
    for (const width of [72, 76, 78, 80]) {
      for (const quote of ['', '> ']) {
        const mail = lines.flatMap((line) => wrapped(line, width).map((part) => quote + part)).join('\n');
        const copied = await importText(mail);
        expect(copied.outcome.error, `width ${width}, ${quote}`).toBeNull();
        expect(told(copied), `width ${width}, ${quote}`).toEqual(told(whole));
      }
    }
  });
});

describe('a mail with prose', () => {
  const MAP = '   dd-1      [010] .....     4.878076: map: IOMMU: iova=0x00000000fe980000 -';
  const REST = '0x00000000fea00000 paddr=0x000000010ec80000 size=524288';

  it.each(['[...]', 'and then it hangs', '...', '\tffff8000108c1234 iommu_map+0x10/0x20 ([kernel.kallsyms])'])(
    'behind an event: %j',
    async (text) => {
      const mail = `> ${MAP}\n> ${REST}\n> ${text}\n> ${MAP.replace('fe98', 'fe00')}\n> ${REST.replace('fea0', 'fe08')}\n`;
      const { outcome, ops } = await importText(mail);
      expect(outcome.error).toBeNull();
      expect(ops['map']).toBe(2);
    },
  );
});
