import { BufferView } from '../../buffer-view.ts';
import type { Payload } from '../payload.ts';
import type { QuickRequest } from '../quick-request.ts';
import { contextPlan, dmaPlan } from './device-plan.ts';
import { FieldTexts, u16, u32 } from './event-fields.ts';
import type { EventFormat, EventFormats } from './event-formats.ts';
import type { PayloadPlan, PlanMeans, SymbolAt } from './payload-plan.ts';
import { isProbe, probePlan } from './probe-plan.ts';
import { requestPlan } from './request-plan.ts';

/** What the bytes of one event say. */
export interface RawEvent {
  /** Null for events of a kind that the recording does not describe. */
  readonly format: EventFormat | null;
  /** Null when the event is of no use to a replay, or unreadable. */
  readonly payload: Payload | null;
  /** An event that should have had a payload: which one, and what is wrong with it. */
  readonly unreadable: string | null;
  /** common_pid: the thread's id, 0 for the idle tasks. */
  readonly pid: number;
  /** Interrupt level: 0 task, 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
}

/** `enum trace_flag_type`. */
const FLAG_HARDIRQ = 0x08;
const FLAG_SOFTIRQ = 0x10;
const FLAG_NMI = 0x40;

/** Level by common_flags; an interrupt in a softirq is an interrupt, as the letters z, h, H and s have it. */
const LEVELS = Uint8Array.from({ length: 256 }, (_, flags) => {
  if ((flags & FLAG_NMI) !== 0) return 3;
  if ((flags & FLAG_HARDIRQ) !== 0) return 2;
  return (flags & FLAG_SOFTIRQ) !== 0 ? 1 : 0;
});

interface Kind {
  readonly format: EventFormat | null;
  /** Null for kinds without use. */
  readonly plan: PayloadPlan | null;
}

/** Where the fields are that every event has; the same for all events of a kernel. */
interface CommonFields {
  readonly typeAt: number;
  readonly flagsAt: number;
  readonly pidAt: number;
  readonly needs: number;
}

/**
 * Reads events as a ring buffer holds them. `longSize` is the size of a `long` on the recorded machine, 4 or 8 bytes. `symbolAt`
 * names the functions of probes where the recording knows them; probes without are told by their names.
 */
export class RawPayloads {
  readonly #formats: EventFormats;
  readonly #bigEndian: boolean;
  readonly #symbolAt: SymbolAt;
  readonly #means: PlanMeans;
  readonly #kinds: Kind[] = [];
  readonly #common: CommonFields;
  readonly #views = new BufferView();
  /** Of the event that `fill` read last, as in RawEvent. */
  pid = 0;
  level = 0;
  readonly #event: { -readonly [Key in keyof RawEvent]: RawEvent[Key] } = {
    format: null,
    payload: null,
    unreadable: null,
    pid: 0,
    level: 0,
  };

  constructor(formats: EventFormats, bigEndian: boolean, longSize: number, symbolAt: SymbolAt = () => null) {
    this.#formats = formats;
    this.#bigEndian = bigEndian;
    this.#symbolAt = symbolAt;
    this.#means = { bigEndian, longSize, texts: new FieldTexts() };
    this.#common = commonFields(formats);
  }

  /** The event in `raw[start..end)`; null when it is too short to be one. The answer holds until the next call. */
  read(raw: Buffer, start: number, end: number): RawEvent | null {
    const { typeAt, flagsAt, pidAt, needs } = this.#common;
    if (end - start < needs || end > raw.length) return null;
    const id = u16(raw, start + typeAt, this.#bigEndian);
    const { format, plan } = this.#kinds[id] ?? this.#kind(id);
    const event = this.#event;
    const found = plan === null ? null : plan.read(raw, start, end);
    const failed = typeof found === 'string';
    event.format = format;
    event.payload = failed ? null : found;
    event.unreadable = failed ? found : null;
    event.pid = u32(raw, start + pidAt, this.#bigEndian) | 0;
    event.level = LEVELS[raw[start + flagsAt]];
    return event;
  }

  /**
   * Fills `request`, but for its time, when the event in `raw[start..end)` is a request and tells no more than that holds; `pid` and
   * `level` then tell who made it. False for all others, which `read` reads.
   */
  fill(raw: Buffer, start: number, end: number, request: QuickRequest): boolean {
    const { typeAt, flagsAt, pidAt, needs } = this.#common;
    if (end - start < needs || end > raw.length) return false;
    const view = this.#views.of(raw);
    const id = view.getUint16(start + typeAt, !this.#bigEndian);
    const { plan } = this.#kinds[id] ?? this.#kind(id);
    if (plan?.fill?.(view, start, end, request) !== true) return false;
    this.pid = view.getInt32(start + pidAt, !this.#bigEndian);
    this.level = LEVELS[view.getUint8(start + flagsAt)];
    return true;
  }

  #kind(id: number): Kind {
    const format = this.#formats.byId(id) ?? null;
    const kind: Kind = { format, plan: format === null ? null : this.#plan(format) };
    this.#kinds[id] = kind;
    return kind;
  }

  #plan(format: EventFormat): PayloadPlan | null {
    if (isProbe(format)) return probePlan(format, this.#bigEndian, this.#symbolAt);
    return requestPlan(format, this.#means) ?? dmaPlan(format, this.#means) ?? contextPlan(format, this.#means);
  }
}

/** From the first format that has them; the layout since 2009 where none has. */
function commonFields(formats: EventFormats): CommonFields {
  for (const { common } of formats.all()) {
    const type = common.find(({ name, size }) => name === 'common_type' && size === 2);
    const flags = common.find(({ name, size }) => name === 'common_flags' && size === 1);
    const pid = common.find(({ name, size }) => name === 'common_pid' && size === 4);
    if (type === undefined || flags === undefined || pid === undefined) continue;
    const needs = Math.max(type.offset + 2, flags.offset + 1, pid.offset + 4);
    return { typeAt: type.offset, flagsAt: flags.offset, pidAt: pid.offset, needs };
  }
  return { typeAt: 0, flagsAt: 2, pidAt: 4, needs: 8 };
}
