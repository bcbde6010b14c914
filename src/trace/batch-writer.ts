import { type MapArguments, packArguments } from '../base/extended-prot.ts';
import { hexHi, hexLo } from '../base/u64.ts';
import { PROT_ALL, PROT_DEFAULT } from '../base/vocabulary.ts';
import {
  Batch,
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_END,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_HAS_TS,
  FLAG_PROT_ASSUMED,
  NameTable,
  NONE,
} from './batch.ts';
import {
  type Event,
  LAST_COLUMN_OP,
  OP_IOVA_TO_PHYS,
  OP_MAP,
  OP_MAP_PAGES,
  OP_READ_DIRTY,
  OP_UNMAP,
  OP_UNMAP_PAGES,
  opCode,
  type Prot,
} from './events.ts';
import { protBits } from './ndjson/checks.ts';

/** Takes each full batch; false stops the reading. The batch is valid only during the call. */
export type BatchConsumer = (batch: Batch) => boolean;

/** Fills batches and hands them over when full. One per trace being read. */
export class BatchWriter {
  readonly domains = new NameTable();
  readonly threads = new NameTable();
  readonly queues = new NameTable();
  readonly batch = new Batch();
  /** Events written so far, handed over or not. */
  events = 0;
  stopped = false;
  readonly #consume: BatchConsumer;

  constructor(consume: BatchConsumer) {
    this.#consume = consume;
  }

  /** Position for a new event; hands the batch over first when it is full. */
  next(): number {
    if (this.batch.full) this.flush();
    this.events++;
    return this.batch.length++;
  }

  /** Hands over what is there. When the consumer throws, the batch counts as handed over: nothing is given twice. */
  flush(): void {
    try {
      if (this.batch.length > 0 && !this.stopped && !this.#consume(this.batch)) this.stopped = true;
    } finally {
      this.batch.clear();
    }
  }

  /** Writes a decoded event: into columns, and as an object where columns do not hold it all. */
  push(event: Event, line: number): void {
    const i = this.next();
    const batch = this.batch;
    const code = opCode(event.op);
    const record = event as unknown as Readonly<Record<string, unknown>>;
    batch.op[i] = code;
    batch.line[i] = line;
    batch.domain[i] = typeof record['domain'] === 'string' ? this.domains.indexOf(record['domain']) : NONE;
    batch.thread[i] = nameIndex(this.threads, record['thread']);
    batch.queue[i] = nameIndex(this.queues, record['queue']);
    batch.ts[i] = numberOf(record['ts']);
    batch.end[i] = numberOf(record['end']);
    let flags = (record['ts'] === undefined ? 0 : FLAG_HAS_TS) | (record['end'] === undefined ? 0 : FLAG_HAS_END);
    const { waits = [], signals = [] } = event;
    if (waits.length > 0 || signals.length > 0) batch.fences.set(i, { waits, signals });
    if (code > LAST_COLUMN_OP) {
      batch.objects.set(i, event);
      batch.flags[i] = flags;
      return;
    }
    const iova = record['iova'];
    batch.iovaHi[i] = typeof iova === 'string' ? hexHi(iova) : 0;
    batch.iovaLo[i] = typeof iova === 'string' ? hexLo(iova) : 0;
    const paddr = TAKES_PADDR[code] === 1 ? record['paddr'] : undefined;
    if (typeof paddr === 'string') flags |= FLAG_HAS_PADDR;
    batch.paddrHi[i] = typeof paddr === 'string' ? hexHi(paddr) : 0;
    batch.paddrLo[i] = typeof paddr === 'string' ? hexLo(paddr) : 0;
    const raw = code === OP_MAP_PAGES || code === OP_UNMAP_PAGES;
    batch.size[i] = numberOf(record[raw ? 'pgsize' : 'size']);
    batch.count[i] = numberOf(record[raw ? 'pgcount' : 'nth']);
    batch.prot[i] = 0;
    batch.ret[i] = 0;
    if (code <= OP_UNMAP_PAGES && record['ret'] !== undefined) {
      flags |= FLAG_HAS_RET;
      batch.ret[i] = numberOf(record['ret']);
    }
    if (code === OP_MAP || code === OP_MAP_PAGES) {
      const prot = record['prot'];
      if (prot === undefined) {
        flags |= FLAG_PROT_ASSUMED;
        batch.prot[i] = PROT_DEFAULT;
      } else batch.prot[i] = protOf(prot as Prot);
      batch.prot[i] |= packArguments(record as MapArguments);
    } else if (code === OP_UNMAP || code === OP_UNMAP_PAGES) {
      if (record['gather'] === 'queued') flags |= FLAG_GATHER_QUEUED;
      else if (record['gather'] === 'none') flags |= FLAG_GATHER_NONE;
    } else if (code === OP_READ_DIRTY && record['clear'] === true) flags |= FLAG_CLEAR;
    batch.flags[i] = flags;
  }
}

/** IOMMU_* bits of a protection as traces write it; other bits of an integer have no meaning. */
export function protOf(prot: Prot): number {
  return (typeof prot === 'number' ? prot : (protBits(prot) ?? 0)) & PROT_ALL;
}

const TAKES_PADDR = new Uint8Array(LAST_COLUMN_OP + 1);
TAKES_PADDR[OP_MAP] = 1;
TAKES_PADDR[OP_MAP_PAGES] = 1;
TAKES_PADDR[OP_IOVA_TO_PHYS] = 1;

function nameIndex(table: NameTable, name: unknown): number {
  return name === undefined ? NONE : table.indexOf(String(name));
}

function numberOf(value: unknown): number {
  // JSON has a negative zero; + 0 makes it the ordinary one.
  return typeof value === 'number' ? value + 0 : 0;
}
