/** A page table that could pin tables but pins none behaves as one that cannot. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bitmapSizes } from '../../../src/base/sizes.ts';
import { TWO_32 } from '../../../src/base/u64.ts';
import { IommuDomain } from '../../../src/iommu/domain.ts';
import { DomainTlb } from '../../../src/iommu/domain-tlb.ts';
import { ConfigRefused, type PgtableConfig } from '../../../src/lpae/format/config.ts';
import { mapPages } from '../../../src/lpae/map.ts';
import { PageTable } from '../../../src/lpae/page-table.ts';
import { BLOCK_POLICIES, Pinning, UNPARK } from '../../../src/lpae/pinning/pinning.ts';
import { defaultPlacement, TableMemory } from '../../../src/lpae/table/memory.ts';
import { unmapPages } from '../../../src/lpae/unmap.ts';
import { PLENTY, treeLines } from '../fixture.ts';
import { abstractOps, concreteOp, configs, type Op } from '../random-ops.ts';

class Subject {
  readonly table: PageTable;
  readonly domain: IommuDomain;
  readonly calls: string[] = [];

  constructor(config: PgtableConfig) {
    const record = (...call: unknown[]): void => {
      this.calls.push(call.join(' '));
    };
    const policy = {
      commands: 0,
      commandSyncs: 0,
      flushWalk: record.bind(null, 'walk'),
      iotlbSync: record.bind(null, 'sync'),
      flushAll: record.bind(null, 'all'),
    };
    const tlb = new DomainTlb(config.kernel, policy, null);
    this.table = new PageTable(config, new TableMemory(16), PLENTY, tlb, defaultPlacement());
    this.domain = new IommuDomain(this.table, tlb);
  }

  run({ kind, iova, paddr, pgsize, count, prot, gather }: Op): number {
    const { table, domain } = this;
    const at = [(Math.floor(iova / TWO_32) | table.iovaWantHi) >>> 0, (iova | table.iovaWantLo) >>> 0] as const;
    const to = [Math.floor(paddr / TWO_32), paddr >>> 0] as const;
    switch (kind) {
      case 'map':
        return domain.map(...at, ...to, pgsize * count, prot);
      case 'unmap':
        return gather === 'queued' ? domain.unmapQueued(...at, pgsize * count) : domain.unmap(...at, pgsize * count);
      case 'mapPages':
        return mapPages(table, ...at, ...to, pgsize, count, prot);
      case 'unmapPages':
        return gather === 'none'
          ? unmapPages(table, ...at, pgsize, count, null)
          : domain.unmapPagesSynced(...at, pgsize, count);
      case 'lookUp':
        return 0;
    }
  }
}

it('changes nothing as long as nothing is pinned', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      configs(['refuse', 'split', 'whole']),
      fc.array(abstractOps, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.constantFrom(...BLOCK_POLICIES),
      fc.constantFrom(...UNPARK),
      (config, sequence, blockPolicy, unpark) => {
        let plain: Subject;
        let able: Subject;
        try {
          plain = new Subject(config);
          able = new Subject(config);
        } catch (error) {
          if (error instanceof ConfigRefused) return;
          throw error;
        }
        accepted++;
        able.table.pinning = new Pinning(blockPolicy, 'drop', unpark, false);
        const { pgsizes, ias, oas } = plain.table.config;
        for (const abstract of sequence) {
          const op = concreteOp(abstract, bitmapSizes(pgsizes), ias, oas);
          expect({ op, ret: able.run(op) }).toEqual({ op, ret: plain.run(op) });
          expect(able.table.mapped).toBe(plain.table.mapped);
          expect(able.table.pgdOverrun).toBe(plain.table.pgdOverrun);
        }
        expect(able.calls).toEqual(plain.calls);
        expect(able.table.counters).toEqual(plain.table.counters);
        expect(treeLines(able.table)).toEqual(treeLines(plain.table));
      },
    ),
    { seed: 6, numRuns: 200 },
  );
  expect(accepted).toBeGreaterThan(100);
});
