import { describe, expect, it } from 'vitest';
import { RecordedConfigs } from '../../../../src/trace/import/domains/recorded-configs.ts';
import type { PgtableAlloc } from '../../../../src/trace/import/payload.ts';
import { pgtableAlloc } from '../../../../src/trace/import/pgtable-alloc.ts';

function alloc(pgsizes: number, ias = 48): PgtableAlloc {
  const made = pgtableAlloc('arm_64_lpae_alloc_pgtable_s1', { quirks: 0, pgsizes, ias, oas: 44, coherent: true });
  if (made === null) throw new Error('no such configuration');
  return made;
}
const K4 = 0x40201000;
const K16 = 0x2004000;

describe('recorded configurations', () => {
  it('go to the tables with such pages, the oldest first', () => {
    const configs = new RecordedConfigs();
    for (const one of [alloc(K4, 39), alloc(K16), alloc(K4, 48)]) configs.add(one);
    expect(configs.alike).toBe(false);
    expect(configs.next(16384)).toMatchObject({ pgsizes: K16 });
    expect(configs.next(4096)).toMatchObject({ pgsizes: K4, ias: 39 });
    expect(configs.next(4096)).toMatchObject({ pgsizes: K4, ias: 48 });
  });

  it('that are all alike serve any number of tables', () => {
    const configs = new RecordedConfigs();
    expect(configs.next(4096)).toBeUndefined();
    configs.add(alloc(K4));
    configs.add(alloc(K4));
    for (let i = 0; i < 5; i++) expect(configs.next(65536)).toMatchObject({ pgsizes: K4 });
    expect(configs.alike).toBe(true);
  });

  it('are alike again once what differs has been given away', () => {
    const configs = new RecordedConfigs();
    for (const one of [alloc(K4), alloc(K16), alloc(K4)]) configs.add(one);
    configs.next(16384);
    expect(configs.alike).toBe(true);
  });
});
