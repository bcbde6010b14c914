import { describe, expect, it } from 'vitest';
import { runCli } from '../../cli/fake-io.ts';

const PAGE = 65536;
const USER = 0x7f00_0000_0000;
const SETUP = [
  { op: 'attach' },
  { op: 'window_remove', start: '0x0' },
  { op: 'window_create', pageShift: 16, size: 2 ** 32, levels: 2 },
  { op: 'register', vaddr: '0x7f0000000000', size: 2 ** 32 },
];

/** A window of 4 GiB mapped page by page in an order that is or is not that of the addresses. */
function* pages(step: number): Iterable<Buffer> {
  const lines = SETUP.map((event) => JSON.stringify(event));
  const count = 2 ** 16;
  for (let n = 0, at = 0; n < count; n++, at = (at + step) % count) {
    const offset = at * PAGE;
    lines.push(
      `{"op":"window_map","iova":"0x${offset.toString(16)}","vaddr":"0x${(USER + offset).toString(16)}","size":65536}`,
    );
    if (lines.length < 4096) continue;
    yield Buffer.from(`${lines.join('\n')}\n`);
    lines.length = 0;
  }
  yield Buffer.from(`${lines.join('\n')}\n`);
}

describe('many maps of one page', () => {
  it.each([1, 32767])(
    'cost the same in any order: steps of %d pages',
    async (step) => {
      const { code, stdout, stderr } = await runCli(['replay', '-', '--json', '-q'], { stdin: pages(step) });
      expect([code, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout).counters).toMatchObject({
        'tce.live': 2 ** 16,
        'pins.made': 2 ** 16,
        'pins.avoided': 2 ** 16,
        'prereg.bytesMapped': 2 ** 32,
        // 64K tables of 8192 entries: one on top and 8 below, each twice.
        'windows.tableBytes.allocated': 2 * 9 * PAGE,
      });
    },
    60_000,
  );
});
