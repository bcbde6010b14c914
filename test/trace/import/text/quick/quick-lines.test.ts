import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headOf, payloadOf } from '../../../../../src/trace/import/quick-request.ts';
import { EventLineReader } from '../../../../../src/trace/import/text/event-line.ts';
import { QuickLines } from '../../../../../src/trace/import/text/quick/quick-lines.ts';
import { LINES } from './words.ts';

/** Room behind the lines, so that all of them can be read by words. */
const ROOM = 1024;
const LF = 10;
const CR = 13;

/** How many of some lines were read quickly; those are held against what is read column by column. */
function quickOf(lines: readonly string[]): number {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
  const b = Buffer.concat([text, Buffer.from(`${lines[0]}\n`.repeat(12), 'latin1'), Buffer.alloc(ROOM)]);
  const quick = new QuickLines();
  const events = new EventLineReader(true);
  let count = 0;
  for (let start = 0; start < text.length; ) {
    const newline = b.indexOf(LF, start);
    const end = newline > start && b[newline - 1] === CR ? newline - 1 : newline;
    const next = quick.read(b, start);
    const event = events.read(b, start, end);
    if (next >= 0) {
      count++;
      expect(next).toBe(newline + 1);
      expect({ ...headOf(quick.line), payload: payloadOf(quick.line), unreadable: 0 }).toEqual(event);
    } else if (event?.payload) quick.learn(b, start, events.columns, event);
    start = newline + 1;
  }
  return count;
}

const MAP = 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0xffff000008090000 size=4096';
const UNMAP = 'unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=8192';

describe('quick lines', () => {
  it.each([
    ['ftrace', '            task-98   [000] d....     '],
    ['ftrace with thread groups', '   task-98   (    98) [001] .....s.     '],
    ['trace-cmd report', '        kworker/u8:2-ev-98    [000]   '],
    ['a name with a number', '  Thread-5-98    [000] d.h..   '],
    ['an idle CPU', '  <idle>-0     [003] d.H..     '],
  ])('%s', (_, head) => {
    const line = (time: string, event: string): string => `${head}${time}: ${event}`;
    const lines = [line('6.630235', MAP), line('6.630236', UNMAP), line('17.630235', UNMAP), line('0.1', MAP)];
    expect(quickOf([...lines, ...lines.map((text) => `${text}\r`)])).toBe(6);
  });

  it.each([
    ['perf script', '    perf-exec   241 [001]    '],
    ['perf script with process and thread', '   swapper   241/242   [001]    '],
  ])('%s', (_, head) => {
    const line = (time: string, event: string): string => `${head}${time}:           iommu:${event}`;
    expect(quickOf([line('6.630235', MAP), line('6.630236', UNMAP), line('17.630235344', MAP)])).toBe(1);
  });

  it('leave a head to others that may mean several things', () => {
    const line = (head: string): string => `${head}6.630235: ${MAP}`;
    for (const head of [
      'a-1 [000] b-98 [000] d.... ',
      'foo 12 x-98 [000] d.... ',
      'a-1 (2-98 [000] ',
      'x 5/7-98 [000] ',
    ]) {
      expect(quickOf([line(head), line(head)])).toBe(0);
    }
  });

  it('leave a line to others that ends where the buffer does', () => {
    const b = Buffer.from(`  task-98 [000] d.... 6.630235: ${MAP}\n`);
    const quick = new QuickLines();
    const events = new EventLineReader();
    const event = events.read(b, 0, b.length - 1);
    if (event === null) throw new Error('the line is none');
    quick.learn(b, 0, events.columns, event);
    expect(quick.read(b, 0)).toBe(-1);
  });

  it('are what they are column by column', { timeout: 60_000 }, () => {
    let quick = 0;
    let all = 0;
    fc.assert(
      fc.property(LINES, (lines) => {
        quick += quickOf(lines);
        all += lines.length;
      }),
      { seed: 20261121, numRuns: 6000 },
    );
    // Neither is nothing read quickly, nor is all.
    expect(quick).toBeGreaterThan(all * 0.2);
    expect(quick).toBeLessThan(all * 0.8);
  });
});
