import { describe, expect, it } from 'vitest';
import { Unwrapper } from '../../../../src/trace/import/text/unwrap.ts';
import { importText } from '../read.ts';

function unwrap(lines: readonly string[]): [string, number][] {
  const found: [string, number][] = [];
  const unwrapper = new Unwrapper((line, number) => found.push([line, number]));
  lines.forEach((line, i) => {
    unwrapper.push(line, i + 1);
  });
  unwrapper.finish();
  return found;
}

const MAP = '   dd-1      [010] .....     4.878076: map: IOMMU: iova=0x00000000fe980000 -';
const REST = '0x00000000fea00000 paddr=0x000000010ec80000 size=524288';

describe('copies from mails', () => {
  it.each([
    [[MAP, REST], [[`${MAP} ${REST}`, 1]]],
    [
      [`> ${MAP}`, `> ${REST}`, '', '> > text', `>> ${MAP}`, REST],
      [
        [`${MAP} ${REST}`, 1],
        ['text', 4],
        [`${MAP} ${REST}`, 5],
      ],
    ],
    [
      ['[  51.386066] iommu: map: iova 0x1000 pa', '0x2000 size 0x1000', '[  51.4] x'],
      [
        ['[  51.386066] iommu: map: iova 0x1000 pa 0x2000 size 0x1000', 1],
        ['[  51.4] x', 3],
      ],
    ],
    [
      ['pid=1 iova=0x1000', 'paddr=0x2000 size=0x1000', 'pid=2 iova=0x1000', 'size=3'],
      [
        ['pid=1 iova=0x1000 paddr=0x2000 size=0x1000', 1],
        ['pid=2 iova=0x1000 size=3', 3],
      ],
    ],
  ] as const)('are joined: %j', (lines, joined) => {
    expect(unwrap(lines)).toEqual(joined);
  });

  it('do not grow one line for ever', () => {
    const [[line]] = unwrap([MAP, ...Array.from({ length: 10_000 }, () => 'x'.repeat(60))]);
    expect(line.length).toBeLessThan(17_000);
  });

  it('are recognised, and read without an option', async () => {
    const quoted = `On Monday somebody wrote:\n> ${MAP}\n> ${REST}\n> ${MAP.replace('fe98', 'fe00')}\n> ${REST.replace('fea0', 'fe08')}\n`;
    const { outcome, ops } = await importText(quoted);
    expect(ops['map']).toBe(2);
    expect(outcome).toMatchObject({ error: null, notes: { unwrapped: true } });
  });

  it('that are whole are left as they are', async () => {
    const { outcome, ops } = await importText(`${MAP} ${REST}\n`);
    expect(ops['map']).toBe(1);
    expect(outcome.notes?.unwrapped).toBe(false);
  });
});

describe('pages of systrace', () => {
  const event = `${MAP} ${REST}`;

  it.each([
    [`<script class="trace-data" type="application/text">\n# tracer: nop\n${event}\n</script>`],
    [`<script class="trace-data" type="application/text">${event}</script>`],
    [`<script>var linuxPerfData = "\\\n# tracer: nop\\n\\\n${event}\\n\\\n";</script>`],
  ])('hold a recording', async (block) => {
    const page = `<!DOCTYPE html>\n<html><head>\n<script>function f(){}</script>\n${block}\n<p>map: nothing</p></html>\n`;
    const { outcome, ops } = await importText(page);
    expect(ops['map']).toBe(1);
    expect(outcome.error).toBeNull();
  });
});
