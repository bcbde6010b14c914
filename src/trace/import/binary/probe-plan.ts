import { type Address, hex64, TWO_32 } from '../../../base/u64.ts';
import type { PgtableCall, PgtableFree, PgtableReturn } from '../payload.ts';
import { isMapByName } from '../text/payload-text.ts';
import { NumberField } from './event-fields.ts';
import type { EventFormat } from './event-formats.ts';
import { type PayloadPlan, type SymbolAt, tooLarge, tooShort, unknownForm } from './payload-plan.ts';
import { allocPlan } from './probe-alloc-plan.ts';

/** What a probe may have been told to call the page table. */
const KEYS = ['ttbr', 'ops', 'dom', 'domain'];
const NO_PLACE: Address = { hi: 0, lo: 0 };

/** Whether an event comes from a probe that a person has set: kprobe, fprobe, eprobe. */
export function isProbe(format: EventFormat): boolean {
  return format.fields.some(({ name }) => name.startsWith('__probe_'));
}

/**
 * Probes on the raw calls `arm_lpae_map_pages` and `arm_lpae_unmap_pages`, on the allocation and on the release of a page
 * table. Their event names are free, so their arguments decide; null for probes of other kinds.
 */
export function probePlan(format: EventFormat, bigEndian: boolean, symbolAt: SymbolAt): PayloadPlan | null {
  const find = (name: string): NumberField | null => NumberField.find(format, name, bigEndian);
  const arguments_ = format.fields.map(({ name }) => name).filter((name) => !name.startsWith('__probe_'));
  const keyName = KEYS.find((name) => arguments_.includes(name));
  const key = keyName === undefined ? null : find(keyName);
  if (arguments_.includes('iova')) {
    const iova = find('iova');
    const pgsize = find('pgsize');
    const pgcount = find('pgcount');
    const optional = ['paddr', 'prot', 'gather', ...KEYS].filter((name) => arguments_.includes(name));
    if (iova === null || pgsize === null || pgcount === null || optional.some((name) => find(name) === null)) {
      return unknownForm(format, 'iova, pgsize and pgcount, each a number; maps with paddr');
    }
    return new CallPlan(format, { key, iova, pgsize, pgcount, paddr: find('paddr') }, find('prot'), find('gather'));
  }
  const ret = find('ret');
  if (ret !== null && arguments_.length === 1) {
    return new ReturnPlan(format, ret, find('__probe_func'), symbolAt);
  }
  if (key !== null && arguments_.length === 1) return new FreePlan(format, key);
  return allocPlan(format, find, symbolAt);
}

interface CallFields {
  readonly key: NumberField | null;
  readonly iova: NumberField;
  /** Only maps have one. */
  readonly paddr: NumberField | null;
  readonly pgsize: NumberField;
  readonly pgcount: NumberField;
}

class CallPlan implements PayloadPlan {
  readonly #format: EventFormat;
  readonly #fields: CallFields;
  readonly #prot: NumberField | null;
  readonly #gather: NumberField | null;
  readonly #needs: number;
  readonly #keys = new KeyTexts();

  constructor(format: EventFormat, fields: CallFields, prot: NumberField | null, gather: NumberField | null) {
    this.#format = format;
    this.#fields = fields;
    this.#prot = prot;
    this.#gather = gather;
    const { key, iova, paddr, pgsize, pgcount } = fields;
    this.#needs = Math.max(...[key, iova, paddr, pgsize, pgcount, prot, gather].map((field) => field?.end ?? 0));
  }

  read(raw: Buffer, start: number, end: number): PgtableCall | string {
    if (end - start < this.#needs) return tooShort(this.#format, end - start, this.#needs);
    const { key, iova, paddr, pgsize: pgsizeField, pgcount: pgcountField } = this.#fields;
    const pgsize = pgsizeField.number(raw, start);
    const pgcount = pgcountField.number(raw, start);
    if (!Number.isSafeInteger(pgsize * pgcount)) return tooLarge(this.#format, 'pgsize times pgcount');
    const gather = this.#gather;
    return {
      kind: 'call',
      isMap: paddr !== null,
      key: key === null ? 'table' : this.#keys.text(key.hi(raw, start), key.lo(raw, start)),
      iova: iova.address(raw, start),
      paddr: paddr === null ? NO_PLACE : paddr.address(raw, start),
      pgsize,
      pgcount,
      prot: this.#prot === null ? null : this.#prot.number(raw, start),
      withoutGather: gather === null ? null : gather.hi(raw, start) === 0 && gather.lo(raw, start) === 0,
    };
  }
}

class ReturnPlan implements PayloadPlan {
  readonly #format: EventFormat;
  readonly #ret: NumberField;
  readonly #func: NumberField | null;
  readonly #symbolAt: SymbolAt;
  /** The function asked for last: a probe seldom is on more than one. */
  #hi = -1;
  #lo = -1;
  #isMap: boolean | null = null;
  #isOther = false;

  constructor(format: EventFormat, ret: NumberField, func: NumberField | null, symbolAt: SymbolAt) {
    this.#format = format;
    this.#ret = ret;
    this.#func = func;
    this.#symbolAt = symbolAt;
  }

  read(raw: Buffer, start: number, end: number): PgtableReturn | string | null {
    const needs = Math.max(this.#ret.end, this.#func?.end ?? 0);
    if (end - start < needs) return tooShort(this.#format, end - start, needs);
    const isMap = this.#isOfMap(raw, start);
    if (this.#isOther) return null;
    const ret = this.#ret;
    // A probe without a type records an int as it lies in the register: 0xffffffea is -22.
    if (isMap === true && ret.size >= 4) return { kind: 'return', isMap, ret: ret.lo(raw, start) | 0 };
    return { kind: 'return', isMap, ret: signedValue(ret, raw, start) };
  }

  /** The function that returned tells; without symbols the event's name has to do. */
  #isOfMap(raw: Buffer, start: number): boolean | null {
    const hi = this.#func?.hi(raw, start) ?? 0;
    const lo = this.#func?.lo(raw, start) ?? 0;
    if (hi !== this.#hi || lo !== this.#lo) {
      const symbol = this.#symbolAt({ hi, lo });
      const where = symbol !== null && /[a-z]_/.test(symbol) ? symbol : null;
      this.#isOther = where !== null && !where.includes('lpae');
      this.#isMap = where === null ? isMapByName(this.#format.name) : !where.includes('unmap');
      this.#hi = hi;
      this.#lo = lo;
    }
    return this.#isMap;
  }
}

/** A number with its sign; registers of 64 bits are signed whatever the probe was told. */
function signedValue(field: NumberField, raw: Buffer, start: number): number {
  const lo = field.lo(raw, start);
  if (field.size === 8) return (field.hi(raw, start) | 0) * TWO_32 + lo;
  const unusedBits = 32 - field.size * 8;
  return field.signed ? (lo << unusedBits) >> unusedBits : lo;
}

class FreePlan implements PayloadPlan {
  readonly #format: EventFormat;
  readonly #key: NumberField;

  constructor(format: EventFormat, key: NumberField) {
    this.#format = format;
    this.#key = key;
  }

  read(raw: Buffer, start: number, end: number): PgtableFree | string {
    const key = this.#key;
    if (end - start < key.end) return tooShort(this.#format, end - start, key.end);
    return { kind: 'free', key: hex64(key.hi(raw, start), key.lo(raw, start)) };
  }
}

/** More page tables than a machine has; damaged recordings must not fill the memory. */
const MOST_KEYS = 65536;

/** Keys as text; one text per page table, not one per event. */
class KeyTexts {
  readonly #texts = new Map<number, string>();

  text(hi: number, lo: number): string {
    const number = hi * TWO_32 + lo;
    const known = this.#texts.get(number);
    if (known !== undefined) return known;
    const text = hex64(hi, lo);
    if (Number.isSafeInteger(number) && this.#texts.size < MOST_KEYS) this.#texts.set(number, text);
    return text;
  }
}
