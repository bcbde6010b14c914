import { printableJson } from '../../base/printable.ts';
import { TextBytes } from '../../base/text-bytes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hex64, hexNumber } from '../../base/u64.ts';
import * as C from '../../lpae/counters.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { Walk } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { EventLog } from './event-log.ts';

/** Counters that a line reports as what its event added, in the order of the line. */
const DELTAS: readonly (readonly [string, number])[] = [
  ['allocs', C.TABLE_ALLOCS],
  ['frees', C.TABLE_FREES],
  ['flushWalks', C.FLUSH_WALKS],
  ['addPages', C.ADD_PAGES],
  ['iotlbSyncs', C.IOTLB_SYNCS],
  ['ptSyncs', C.PT_SYNCS],
  ['warns', C.WARNS],
];

const COUNTERS = Int32Array.from(DELTAS, ([, counter]) => counter);
/** Endings of lines that are kept: most lines add the same small numbers. */
const MOST_ENDINGS = 4096;
const SMALL_BITS = 4;
/** Bytes at a time for an output that takes strings. */
const OWN_BYTES = 16 * 1024;
/** Room for either half of a line without what its operation says, and for that where it is short. */
const LINE_BYTES = 1024;
const SHORT = 512;

const WARNS_AT = DELTAS.findIndex(([name]) => name === 'warns');

/** Writes one NDJSON line per event: `replay --results`. */
export class ResultLines {
  readonly #output: TextOutput;
  /** In place of the bytes of an output that has none; empty between the calls of methods. */
  readonly #own: TextBytes | null;
  readonly #log: EventLog | null;
  readonly #before = new Float64Array(DELTAS.length);
  #counters: Float64Array | null = null;
  readonly #endings = new Map<number, string>();
  #nameIt = false;
  #open = false;
  /** The trace has several address spaces, so that lines name theirs. */
  severalDomains = false;
  /** Line of the input that the event at hand stands on. */
  line = 0;

  constructor(output: TextOutput, log: EventLog | null) {
    this.#output = output;
    this.#own =
      output.bytes === undefined ? new TextBytes((bytes) => output.write(bytes.toString('utf8')), OWN_BYTES) : null;
    this.#log = log;
  }

  /** Notes where the counters of `space` stand before its event, and whether the event names its domain. */
  begin(space: AddressSpace, named: boolean): void {
    this.#nameIt = named || this.severalDomains;
    this.#counters = space.counters;
    for (let i = 0; i < COUNTERS.length; i++) this.#before[i] = this.#counters[COUNTERS[i]];
    this.#log?.clear();
  }

  /** A line without counters. */
  plain(seq: number, op: string, rest = ''): void {
    const text = this.#text();
    this.#begin(text, seq, op);
    text.text(printableJson(rest)).room(LINE_BYTES);
    text.ascii('}\n');
    this.#own?.drain();
  }

  /**
   * A line with what the event changed; `rest` are the op's own fields, each with a leading comma. With `open` the counters
   * are left for `endOpenLine`: something of the event is still to come. `warnsApart`: warnings that `rest` tells already.
   */
  counted(seq: number, op: string, space: AddressSpace, rest: string, open = false, warnsApart = 0): void {
    const text = this.#begun(seq, op, space);
    if (rest.length > SHORT) text.text(rest);
    else text.mostlyAscii(rest);
    this.#before[WARNS_AT] += warnsApart;
    this.#leave(text, open);
  }

  /** As `counted`, of a map or unmap: what it returned, the bytes that it mapped or unmapped, and `rest`, which is mostly ''. */
  answered(
    seq: number,
    op: string,
    space: AddressSpace,
    ret: number,
    what: 'mapped' | 'unmapped',
    bytes: number,
    rest: string,
    open: boolean,
  ): void {
    const text = this.#begun(seq, op, space);
    text
      .ascii(',"ret":')
      .number(ret)
      .ascii(what === 'mapped' ? ',"mapped":' : ',"unmapped":')
      .number(bytes);
    if (rest !== '') text.ascii(rest);
    this.#leave(text, open);
  }

  /** Completes the line whose counters were left open, if there is one. */
  endOpenLine(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#complete(this.#text());
    this.#own?.drain();
  }

  /** The beginning of a line, with the name of its address space where it has several. */
  #begun(seq: number, op: string, space: AddressSpace): TextBytes {
    const text = this.#text();
    this.#begin(text, seq, op);
    if (!this.#nameIt) return text;
    // A name may be of any length.
    text.text(this.#named(space)).room(LINE_BYTES);
    return text;
  }

  /** Ends a line, or leaves it open. */
  #leave(text: TextBytes, open: boolean): void {
    this.#open = open;
    if (!open) this.#complete(text);
    this.#own?.drain();
  }

  #text(): TextBytes {
    return this.#own ?? (this.#output.bytes as () => TextBytes).call(this.#output);
  }

  #begin(text: TextBytes, seq: number, op: string): void {
    text.room(LINE_BYTES);
    text.ascii('{"seq":').number(seq).ascii(',"op":"').ascii(op).ascii('","line":').number(this.line);
  }

  /** Writes the rest of a line. */
  #complete(text: TextBytes): void {
    const log = this.#log;
    text.room(LINE_BYTES);
    text.ascii(this.#added());
    if (log !== null && !log.empty) {
      text.ascii(',"events":[');
      log.write(text);
      text.room(LINE_BYTES);
      text.ascii(']');
    }
    text.ascii('}\n');
  }

  /** What the event added to the counters, as fields. */
  #added(): string {
    const counters = this.#counters as Float64Array;
    const before = this.#before;
    let key = 0;
    let isSmall = true;
    for (let i = 0; i < COUNTERS.length; i++) {
      const delta = counters[COUNTERS[i]] - before[i];
      key = (key << SMALL_BITS) | delta;
      isSmall &&= delta >= 0 && delta < 2 ** SMALL_BITS;
    }
    const known = isSmall ? this.#endings.get(key) : undefined;
    if (known !== undefined) return known;
    let fields = '';
    for (let i = 0; i < COUNTERS.length; i++) fields += `,"${DELTAS[i][0]}":${counters[COUNTERS[i]] - before[i]}`;
    if (isSmall && this.#endings.size < MOST_ENDINGS) this.#endings.set(key, fields);
    return fields;
  }

  /** A line about a look-up, without counters. */
  lookup(seq: number, op: string, space: AddressSpace, rest: string): void {
    this.plain(seq, op, this.#named(space) + rest);
  }

  domain(seq: number, space: AddressSpace): void {
    this.#nameIt = true;
    if (space.refusal !== null) {
      const { ret, reason, warns } = space.refusal;
      this.plain(
        seq,
        'domain',
        `${this.#named(space)},"ret":${ret},"reason":${JSON.stringify(reason)},"warns":${warns}`,
      );
    } else if (space.table === null)
      this.plain(seq, 'domain', `${this.#named(space)},"ret":0,"driver":"${space.driver}"`);
    else this.plain(seq, 'domain', `${this.#named(space)},"ret":0${geometryFields(space)},"allocs":1,"warns":0`);
  }

  #named(space: AddressSpace): string {
    return this.#nameIt ? `,"domain":${printableJson(JSON.stringify(space.id))}` : '';
  }
}

/** Chosen geometry and registers as fields of a `domain` line. */
function geometryFields(space: AddressSpace): string {
  const table = space.table as PageTable;
  const { geometry, config, registers } = table;
  const root = space.rootAddress;
  const fields: Record<string, unknown> = {
    startLevel: geometry.startLevel,
    pgdBits: geometry.pgdBits,
    bitsPerLevel: geometry.bitsPerLevel,
    pgdSize: geometry.pgdSize,
    granule: geometry.granule,
    pgsizes: hexNumber(config.pgsizes),
    ias: config.ias,
    oas: config.oas,
  };
  if (registers.kind === 'stage1') Object.assign(fields, { tcr: registers.tcr, mair: registers.mair, ttbr: root });
  else if (registers.kind === 'stage2') Object.assign(fields, { vtcr: registers.vtcr, vttbr: root });
  else {
    const transtab = table.memory.addressOf(table.root) + registers.transtabBits;
    Object.assign(fields, { memattr: registers.memattr, transtab: hexNumber(transtab) });
  }
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** `ptes` of a walk: one per level, null where it did not come. */
export function walkFields(table: PageTable, walk: Walk): string {
  const ptes: string[] = [];
  for (let level = 0; level <= LAST_LEVEL; level++) {
    const entry = walk.entries[level];
    ptes.push(entry < 0 ? 'null' : `"${hex64(table.memory.hi[entry], table.memory.lo[entry])}"`);
  }
  const undefinedNote = table.undefinedResult ? ',"undefined":true' : '';
  // An undefined walk reads nothing and answers 0.
  return `,"ret":${walk.leaf || table.undefinedResult ? 0 : -22},"ptes":[${ptes.join(',')}],"leaf":${walk.leaf}${undefinedNote}`;
}
