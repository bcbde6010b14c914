import type { CommandLog } from '../../../src/flush/command-log.ts';
import * as C from '../../../src/lpae/counters.ts';
import { unpackHi, unpackLo } from '../../../src/lpae/format/descriptor.ts';
import type { PageTable } from '../../../src/lpae/page-table.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import type { Operated, OperationObserver } from '../../../src/replay/observer.ts';
import { EventLog } from '../../../src/replay/results/event-log.ts';
import type { AddressSpace } from '../../../src/replay/spaces/address-space.ts';
import type { Callback, Piece, SeenOp } from './naive-tlb.ts';

const TWO_32 = 2 ** 32;

/** Everything that a table translates; leaves that continue each other are one piece. */
export function translations(table: PageTable): Piece[] {
  const pieces: Piece[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid !== 0) return true;
    const start = iovaHi * TWO_32 + iovaLo;
    const paddr = unpackHi(pteHi, pteLo, table.granule64K) * TWO_32 + unpackLo(pteLo, table.granule64K);
    const last = pieces.at(-1);
    if (last !== undefined && last.end === start && last.shift === paddr - start) {
      pieces[pieces.length - 1] = { ...last, end: start + table.sizes[level] };
    } else pieces.push({ start, end: start + table.sizes[level], shift: paddr - start, page: table.sizes[level] });
    return true;
  });
  return pieces;
}

/** Notes every operation with what the engine called back for, and the tables before it and after it. */
export class Onlooker extends EventLog implements OperationObserver, CommandLog {
  readonly #seen: (op: SeenOp) => void;
  #callbacks: Callback[] = [];
  #before: readonly Piece[] = [];
  #space: AddressSpace | null = null;
  #calls = 0;
  #freedBefore = 0;

  constructor(seen: (op: SeenOp) => void) {
    super();
    this.#seen = seen;
  }

  override flushWalk(hi: number, lo: number, size: number, granule: number): void {
    super.flushWalk(hi, lo, size, granule);
    this.#note('walk', [hi, lo, size, granule]);
  }

  override iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    super.iotlbSync(startHi, startLo, endHi, endLo, pgsize);
    if (pgsize > 0) this.#note('sync', [startHi, startLo, endHi, endLo, pgsize]);
  }

  override flushAll(): void {
    super.flushAll();
    this.#note('all', []);
  }

  began(space: AddressSpace, { kind }: Operated): void {
    if (kind !== 'map' && kind !== 'unmap') return;
    const { counters } = space;
    this.#space = space;
    this.#callbacks = [];
    this.#before = translations(space.table as PageTable);
    this.#calls = counters[C.MAP_CALLS] + counters[C.UNMAP_CALLS];
    this.#freedBefore = counters[C.TABLE_FREES];
  }

  ended(space: AddressSpace, what: Operated): void {
    if (what.kind !== 'map' && what.kind !== 'unmap') return;
    const { counters } = space;
    const start = what.iovaHi * TWO_32 + what.iovaLo;
    this.#seen({
      space: space.id,
      kind: what.kind,
      start,
      end: start + what.size,
      bytes: what.bytes,
      queued: what.queued,
      called: counters[C.MAP_CALLS] + counters[C.UNMAP_CALLS] > this.#calls,
      before: this.#before,
      after: translations(space.table as PageTable),
      callbacks: this.#callbacks,
      freedBefore: this.#freedBefore,
      freedAfter: counters[C.TABLE_FREES],
      madeAfter: counters[C.TABLE_ALLOCS],
      mapped: counters[C.MAPPED_BYTES],
      spaceEnd: 2 ** (space.table as PageTable).config.ias,
    });
    this.#callbacks = [];
    this.#space = null;
  }

  #note(kind: Callback['kind'], numbers: readonly number[]): void {
    const { [C.TABLE_FREES]: freed = 0, [C.TABLE_ALLOCS]: made = 0 } = this.#space?.counters ?? [];
    this.#callbacks.push({ kind, numbers, freed, made });
  }
}
