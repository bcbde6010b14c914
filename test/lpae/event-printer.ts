import type { CommandLog } from '../../src/flush/command-log.ts';
import type { TlbLog } from '../../src/iommu/flush-policy.ts';
import * as C from '../../src/lpae/counters.ts';
import { LAST_LEVEL } from '../../src/lpae/format/geometry.ts';
import { walkPageTable } from '../../src/lpae/lookup.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { joined } from './fixture.ts';
import type { RawCall, RawCallObserver } from './raw-calls.ts';

/** The entries that one raw call is about: where they lie, and the tables below them as they were before it. */
interface Run {
  readonly table: number;
  readonly first: number;
  readonly kids: readonly number[];
}

/**
 * Prints events in the form of scenarios_v*.txt.
 *
 * The engine counts cache cleans (SYNC) without their address. Where a hook of PageTable knows the entry, it hands it
 * over; else the address is that of the entries which the raw call in hand has changed, read back from table memory. A call
 * that counted another number of cleans than was printed throws.
 */
export class EventPrinter implements TlbLog, CommandLog, RawCallObserver {
  readonly lines: string[] = [];
  quiet = false;
  #run: Run | null = null;
  #syncsPrinted = 0;
  #commands = 0;

  /** Starts with another table: what was counted for the last one is done with. */
  reset(): void {
    this.#run = null;
    this.#syncsPrinted = 0;
    this.#commands = 0;
  }

  event(text: string): void {
    if (!this.quiet) this.lines.push(`    ${text}`);
  }

  sync(address: number, entries: number): void {
    this.#syncsPrinted++;
    this.event(`SYNC pa=${Number.isNaN(address) ? '?' : address.toString(16)} len=${8 * entries}`);
  }

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.event(`FLUSH_WALK iova=${hex(hi, lo)} size=${size.toString(16)} gran=${granule.toString(16)}`);
  }

  addPages(hi: number, lo: number, size: number, count: number): void {
    const base = joined(hi, lo);
    for (let i = 0; i < count; i++) {
      this.event(`ADD_PAGE iova=${(base + BigInt(i * size)).toString(16)} gran=${size.toString(16)}`);
    }
  }

  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    this.event(`IOTLB_SYNC start=${hex(startHi, startLo)} end=${hex(endHi, endLo)} pgsize=${pgsize.toString(16)}`);
  }

  flushAll(): void {
    this.event('FLUSH_ALL');
  }

  tlbiAddress(hi: number, lo: number, leaf: number, num: number, scale: number, ttl: number): void {
    this.#commands++;
    this.event(`TLBI_VA addr=${hex(hi, lo)} leaf=${leaf} num=${num} scale=${scale} ttl=${ttl}`);
  }

  // The vectors log no invalidation without range commands, they only count them.
  tlbiEach(_hi: number, _lo: number, _leaf: number, _step: number, count: number): void {
    this.#commands += count;
    this.event(`TLBI_VA x ${count}`);
  }

  tlbiAll(): void {
    this.#commands++;
    this.event('TLBI_ASID');
  }

  command(name: string): void {
    throw new Error(`no vector has ${name}`);
  }

  addressed(name: string): void {
    throw new Error(`no vector has ${name}`);
  }

  commandSync(): void {
    this.event(`TLBI total ${this.#commands} + CMD_SYNC`);
    this.#commands = 0;
  }

  before(call: RawCall): void {
    const iova = hex(call.iovaHi, call.iovaLo);
    const paddr = call.name === 'map_pages' ? `,pa=${hex(call.paddrHi, call.paddrLo)}` : '';
    this.event(`${call.name}(iova=${iova}${paddr},pgsz=${call.pgsize.toString(16)},cnt=${call.count})`);
    this.#run = runOf(call);
  }

  after(call: RawCall, ret: number, bytes: number): void {
    // A map may have made the table of its run only now.
    this.#run ??= runOf(call);
    this.settle(call.table, bytes / call.pgsize);
    this.#run = null;
    const mapped = call.name === 'map_pages' ? `ret=${ret} mapped=` : '';
    this.event(` -> ${mapped}${bytes.toString(16)}`);
    const counted = call.table.counters[C.PT_SYNCS];
    if (counted !== this.#syncsPrinted) {
      throw new Error(`${call.name}: ${counted} cache cleans counted, ${this.#syncsPrinted} printed`);
    }
  }

  /** Prints the clean that ends a run of `count` entries, when the engine has counted one more than was printed. */
  settle(table: PageTable, count: number): void {
    const run = this.#run;
    if (run === null || table.counters[C.PT_SYNCS] === this.#syncsPrinted) return;
    this.sync(entryAddress(table, run.table, run.first), count);
  }

  /** Address of the entry of the present run that lost its table last: runs are worked upward. NaN when there is none. */
  unlinkedEntry(table: PageTable): number {
    const run = this.#run;
    if (run === null) return Number.NaN;
    const at = run.kids.findLastIndex((kid, i) => kid !== 0 && table.memory.kid[run.first + i] !== kid);
    return at < 0 ? Number.NaN : entryAddress(table, run.table, run.first + at);
  }
}

/** Simulated address of an entry of the table at `slot`. */
export function entryAddress(table: PageTable, slot: number, entry: number): number {
  return table.memory.addressOf(slot) + 8 * (entry - slot);
}

function hex(hi: number, lo: number): string {
  return joined(hi, lo).toString(16);
}

function runOf(call: RawCall): Run | null {
  const { table } = call;
  const level = table.levelOf(call.pgsize);
  if (level > LAST_LEVEL) return null;
  const walk = walkPageTable(table, call.iovaHi, call.iovaLo);
  const first = walk.entries[level];
  if (first < 0) return null;
  const kids = Array.from(table.memory.kid.subarray(first, first + call.count));
  return { table: walk.tables[level], first, kids };
}
