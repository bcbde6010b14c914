import { describe, expect, it } from 'vitest';
import { parseAttributes, parseIova, parseLevels } from '../../src/report/dump/filter.ts';
import { dump, dumped, SMALL } from './dump-trace.ts';

describe('wrong filters', () => {
  it.each([
    [['--view', 'walk'], '--view walk follows one address: --iova 0x1000'],
    [['--view', 'walk', '--iova', '0x0..0x1000'], '--view walk follows one address: --iova 0x1000'],
    [['--iova', '0x0', '--level', '2'], '--level: a walk shows every level on its way; use --view raw'],
    [['--iova', '0x0', '--attr', 'rw'], '--attr: a walk shows every entry on its way; use --view raw'],
    [['--explain'], '--explain belongs to --view walk, not to tree'],
    [['--merge', 'none'], '--merge belongs to --view ranges, not to tree'],
    [
      ['--view', 'ranges', '--attr', 'table'],
      '--attr: ranges are made of leaves; --view tree or raw shows table entries',
    ],
    [['--level', '4'], '--level "4": levels are 0 (nearest the root) to 3, such as 3, 1-2 or 0,3'],
  ])('%j is a usage error', async (args, message) => {
    expect(await dump(SMALL, args)).toEqual({ code: 2, stdout: '', stderr: `pgtrace: ${message}\n` });
  });

  it('list what there is', async () => {
    expect((await dump(SMALL, ['--attr', 'rw,shiny'])).stderr).toMatchInlineSnapshot(`
      "pgtrace: --attr "rw,shiny": there is no attribute "shiny"; there are
        r w c n m p x         the letters of a trace's prot, and x: executable; rw asks for both
        unshared, reserved, outer, inner, block, page
        dirty, clean, ns, global, noaf, oddmem, contig, sw56, sw57, sw58
        table, swsync, nstable   for entries that point to a table
        !NAME                 without it; !rw: neither
      "
    `);
    expect((await dump(SMALL, ['--view', 'pie'])).stderr).toContain('Allowed choices are tree, ranges, walk, raw.');
    expect((await dump(SMALL, ['--merge', 'pa'])).stderr).toContain('Allowed choices are attrs+pa, attrs, none.');
    expect(() => parseAttributes('rw,table')).toThrow(
      'an entry is a leaf or points to a table, so this matches nothing',
    );
  });

  it.each([
    '',
    '12',
    '0x',
    '0x1000..',
    '..0x1000',
    '0x2000..0x1000',
    '0x1000..0x1000',
    '0x1000+0',
    '0x1000+x',
    '0x0..0x0',
  ])('take no range such as %j', (text) => {
    expect(() => parseIova(text)).toThrow('it takes an address such as 0x1000, a half-open range 0x1000..0x5000');
  });

  it('take no range over the end', () => {
    expect(() => parseIova('0xfffffffffffff000+8K')).toThrow('the range passes 2^64');
  });
});

describe('filters', () => {
  it.each([
    ['0x1000', { startHi: 0, startLo: 0x1000, lastHi: 0, lastLo: 0x1000, single: true }],
    ['0x1000..0x2000', { startHi: 0, startLo: 0x1000, lastHi: 0, lastLo: 0x1fff, single: false }],
    [' 0x1000 .. 0x1001 ', { startHi: 0, startLo: 0x1000, lastHi: 0, lastLo: 0x1000, single: false }],
    ['0xFFFFFFFF+1', { startHi: 0, startLo: 0xffffffff, lastHi: 0, lastLo: 0xffffffff, single: false }],
    ['0x0..0x100000000', { startHi: 0, startLo: 0, lastHi: 0, lastLo: 0xffffffff, single: false }],
    [
      '0xfffffffffffff000+4K',
      { startHi: 0xffffffff, startLo: 0xfffff000, lastHi: 0xffffffff, lastLo: 0xffffffff, single: false },
    ],
    ['0x0..0x10000000000000000', { startHi: 0, startLo: 0, lastHi: 0xffffffff, lastLo: 0xffffffff, single: false }],
  ])('take the range %j', (text, expected) => {
    expect(parseIova(text)).toEqual(expected);
  });

  it.each([
    ['3', [false, false, false, true]],
    ['0,2', [true, false, true, false]],
    ['1-2', [false, true, true, false]],
  ])('take the levels %j', (text, expected) => {
    expect(parseLevels(text)).toEqual(expected);
  });

  it.each([
    ['rw', '3-5 1-2 0'],
    ['!w', '6 7-8'],
    ['!x', '6 7-8'],
    ['x,page', '3-5 0'],
    ['block', '1-2'],
    ['outer', '6 7-8'],
    ['!outer,!block', '3-5 0'],
    ['rw,dirty', ''],
  ])('select by %s', async (attributes, expected) => {
    const text = await dumped(SMALL, ['--view', 'tree', '--attr', attributes]);
    const folds = [...text.matchAll(/^ +(\S+) +0x\S+ {2}\d+x/gm)].map((match) => match[1]);
    expect(folds.join(' ')).toBe(expected);
  });
});
