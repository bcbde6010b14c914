import type { FindingKind, Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** Notes the promises of reservations, grace periods and allocators that did not hold as findings of the event at hand. */
export class BrokenPromises {
  /** Number and line of the event at hand. */
  seq = 0;
  line = 0;
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** A promise about `size` bytes from an IOVA; 0 where the range is not known. */
  add(kind: FindingKind, space: AddressSpace, hi: number, lo: number, size: number, message: string): void {
    this.#findings.broken(kind, space.id, this.seq, this.line, hi, lo, size, message);
  }

  /** Those of the grace periods of an address space, which forgets them. */
  ofGrace(space: AddressSpace): void {
    const violations = space.ranges?.grace.violations ?? [];
    for (const { iovaHi, iovaLo, size, pages, reader } of violations) {
      const who =
        typeof reader === 'number' && reader < 0 ? 'a look-up that still ran' : `reader ${JSON.stringify(reader)}`;
      const tables = pages === 1 ? '1 table' : `${pages} tables`;
      this.add('use-after-free', space, iovaHi, iovaLo, size, `${tables} freed under ${who}`);
    }
    violations.length = 0;
  }

  /** Those of the allocator of an address space, which forgets them; it knows the events by itself. */
  ofAllocator(space: AddressSpace): void {
    const { violations } = space.allocator;
    for (const { rule, seq, line, iovaHi, iovaLo, size, message } of violations) {
      this.#findings.broken(rule, space.id, seq, line, iovaHi, iovaLo, size, message);
    }
    violations.length = 0;
  }

  /** Readers may still walk the tables of an address space that is destroyed. */
  ofDestroyed(space: AddressSpace): void {
    const grace = space.ranges?.grace ?? null;
    if (grace === null || grace.activeReaders === 0 || (grace.mode !== 'none' && grace.mode !== 'gather')) return;
    const readers = grace.activeReaders === 1 ? 'a reader' : `${grace.activeReaders} readers`;
    this.add('use-after-free', space, 0, 0, 0, `the address space was destroyed under ${readers}`);
  }
}
