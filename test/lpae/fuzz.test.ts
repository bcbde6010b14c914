import { describe, expect, it } from 'vitest';
import { Fnv1a64 } from '../../src/base/hash.ts';
import type { Format, Kernel, Quirk } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import {
  configFor,
  GOLDEN_KERNELS,
  halves,
  joined,
  makeDomain,
  type TestDomain,
  treeLines,
  vectorLines,
} from './fixture.ts';

const FORMATS: Readonly<Record<string, Format>> = {
  '64S1': 'ARM_64_LPAE_S1',
  '64S2': 'ARM_64_LPAE_S2',
  MALI: 'ARM_MALI_LPAE',
};
/** IO_PGTABLE_QUIRK_* of the kernel. */
const QUIRK_BITS: readonly (readonly [number, Quirk])[] = [
  [1 << 0, 'NS'],
  [1 << 7, 'HD'],
  [1 << 9, 'NO_WARN'],
];

interface Run {
  readonly name: string;
  readonly heading: string;
  readonly lines: readonly string[];
}

function fuzzRuns(file: string): Run[] {
  const runs: { name: string; heading: string; lines: string[] }[] = [];
  for (const line of vectorLines(file)) {
    const heading = /^## (F\d)/.exec(line);
    if (heading !== null) runs.push({ name: heading[1], heading: line.slice(3), lines: [] });
    else runs.at(-1)?.lines.push(line);
  }
  return runs;
}

/** `key=value` pairs of a text; values as the file writes them. */
function fieldsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key, value]));
}

function domainOf(kernel: Kernel, heading: string): TestDomain {
  const { fmt, bitmap, ias, oas, coherent, quirks } = fieldsOf(heading);
  const bits = Number(quirks);
  const known = QUIRK_BITS.filter(([bit]) => (bits & bit) !== 0);
  expect(
    known.reduce((sum, [bit]) => sum | bit, 0),
    `${heading}: every quirk is known`,
  ).toBe(bits);
  const config = configFor(kernel, {
    format: FORMATS[fmt],
    pgsizes: Number(bitmap),
    ias: Number(ias),
    oas: Number(oas),
    coherent: coherent === '1',
    quirks: known.map(([, quirk]) => quirk),
  });
  return makeDomain(config, { ril: !heading.includes('noRIL') });
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** Performs the operation of a line; its outcome as the file writes it. */
function perform({ table, domain }: TestDomain, op: string, text: string): string {
  const fields = fieldsOf(text);
  const iova = halves(BigInt(fields['iova']));
  const paddr = halves(BigInt(fields['pa'] ?? 0));
  const size = Number(fields['size']);
  const prot = Number(fields['prot']);
  switch (op) {
    case 'map_pages': {
      const ret = mapPages(table, ...iova, ...paddr, Number(fields['pgsize']), Number(fields['count']), prot);
      return `ret=${ret} mapped=${hex(table.mapped)}`;
    }
    case 'iommu_map':
      return `ret=${domain.map(...iova, ...paddr, size, prot)}`;
    case 'iommu_unmap':
      return hex(domain.unmap(...iova, size));
    case 'iova_to_phys':
      iovaToPhys(table, ...iova);
      return hex(joined(table.foundHi, table.foundLo));
    default:
      throw new Error(`no such operation: ${op}`);
  }
}

function countersText({ table, policy }: TestDomain): string {
  const { counters } = table;
  return (
    `alloc=${counters[C.TABLE_ALLOCS]} free=${counters[C.TABLE_FREES]} sync=${counters[C.PT_SYNCS]}` +
    ` walk=${counters[C.FLUSH_WALKS]} add=${counters[C.ADD_PAGES]} iosync=${counters[C.IOTLB_SYNCS]}` +
    ` tlbi=${policy.commands} cmdsync=${policy.commandSyncs} warn=${counters[C.WARNS]}`
  );
}

function treeHash({ table }: TestDomain): string {
  const hash = new Fnv1a64();
  for (const line of treeLines(table)) hash.update(`${line}\n`);
  return hash.digest();
}

/** The line of a step as the engine would write it. */
function replayLine(domain: TestDomain, line: string): string {
  if (line.startsWith('destroy ')) {
    domain.table.destroy();
    const { counters } = domain.table;
    return (
      `destroy | alloc=${counters[C.TABLE_ALLOCS]} free=${counters[C.TABLE_FREES]} dmamap=${counters[C.DMA_MAPS]}` +
      ` dmaunmap=${counters[C.DMA_UNMAPS]} flushall=${counters[C.FLUSH_ALLS]}`
    );
  }
  const step = /^(\d+) (\w+) (.*?) -> /.exec(line);
  if (step === null) throw new Error(`step not understood: ${line}`);
  const outcome = perform(domain, step[2], step[3]);
  return `${step[1]} ${step[2]} ${step[3]} -> ${outcome} | ${countersText(domain)} | ${treeHash(domain)}`;
}

describe.each(GOLDEN_KERNELS)('random operations as the kernel performs them, %s', (kernel, suffix) => {
  const file = `fuzz_${suffix}.txt`;
  const runs = fuzzRuns(file);

  it('are seven runs of 50 steps or more, each ended by a teardown', () => {
    expect(runs.map(({ name }) => name)).toEqual(['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7']);
    for (const { name, lines } of runs) {
      expect(lines.length, name).toBeGreaterThan(50);
      expect(lines.at(-1), name).toMatch(/^destroy /);
    }
  });

  it.each(runs.map((run) => [run.name, run] as const))(
    '%s, result, counters and tree after every step',
    (_name, run) => {
      const domain = domainOf(kernel, run.heading);
      const { geometry } = domain.table;
      const { start, pgdbits } = fieldsOf(run.heading);
      expect(`${geometry.startLevel} ${geometry.pgdBits}`, run.heading).toBe(`${start} ${pgdbits}`);
      for (const line of run.lines) expect(replayLine(domain, line), `${file}, ${run.name}`).toBe(line);
    },
  );
});
