import { TWO_32 } from '../../../../base/u64.ts';
import type { TimeRules } from './time-rules.ts';

const BILLION = 1_000_000_000;
/** Units of the upper word of a long time: the lower 27 bits are in the event's own word. */
const UPPER = 2 ** 27;
/** Distances with a smaller upper word are exact as doubles, with room for nanoseconds. */
const SMALL_UPPER = 2 ** 24;
/** Absolute times have 59 bits; the upper five are those of the page's time. */
const ABSOLUTE_BITS = 59n;

/**
 * The time of a CPU's present event, kept while its ring buffer is walked: pages begin with a time of 64 bits, events carry
 * the distance to the event before. Split into seconds and nanoseconds, since a double has no room for both beyond 104 days.
 */
export interface EventTimes {
  readonly seconds: number;
  readonly nanos: number;
  /** The time that a page begins with. */
  page(hi: number, lo: number): void;
  /** A distance of 27 bits. */
  advance(delta: number): void;
  /** A distance of 59 bits in two parts. */
  advanceFar(upper: number, delta: number): void;
  /** A time of 59 bits in two parts. */
  absolute(upper: number, delta: number): void;
}

export function eventTimes(rules: TimeRules, cpu: number): EventTimes {
  return rules.isPlain ? new PlainTimes(rules) : new ConvertedTimes(rules, cpu);
}

/** Time stamps that are nanoseconds already, but for a constant. */
class PlainTimes implements EventTimes {
  seconds = 0;
  nanos = 0;
  readonly #rules: TimeRules;
  #page = 0n;

  constructor(rules: TimeRules) {
    this.#rules = rules;
  }

  page(hi: number, lo: number): void {
    this.#page = stamp(hi, lo);
    this.#set(this.#page);
  }

  advance(delta: number): void {
    const nanos = this.nanos + delta;
    if (nanos < BILLION) {
      this.nanos = nanos;
      return;
    }
    const whole = Math.floor(nanos / BILLION);
    this.seconds += whole;
    this.nanos = nanos - whole * BILLION;
  }

  advanceFar(upper: number, delta: number): void {
    if (upper < SMALL_UPPER) {
      this.advance(upper * UPPER + delta);
      return;
    }
    const nanos = BigInt(upper) * BigInt(UPPER) + BigInt(delta);
    this.seconds += Number(nanos / BigInt(BILLION));
    this.advance(Number(nanos % BigInt(BILLION)));
  }

  absolute(upper: number, delta: number): void {
    this.#set(absoluteStamp(this.#page, upper, delta));
  }

  #set(value: bigint): void {
    const time = this.#rules.apply(value, 0);
    this.seconds = Number(time / BigInt(BILLION));
    this.nanos = Number(time % BigInt(BILLION));
  }
}

/** Time stamps that have to be converted one by one: ticks of a TSC, a guest's clock. */
class ConvertedTimes implements EventTimes {
  seconds = 0;
  nanos = 0;
  readonly #rules: TimeRules;
  readonly #cpu: number;
  #stamp = 0n;

  constructor(rules: TimeRules, cpu: number) {
    this.#rules = rules;
    this.#cpu = cpu;
  }

  page(hi: number, lo: number): void {
    this.#set(stamp(hi, lo));
  }

  advance(delta: number): void {
    this.#set(this.#stamp + BigInt(delta));
  }

  advanceFar(upper: number, delta: number): void {
    this.#set(this.#stamp + BigInt(upper) * BigInt(UPPER) + BigInt(delta));
  }

  absolute(upper: number, delta: number): void {
    this.#set(absoluteStamp(this.#stamp, upper, delta));
  }

  #set(value: bigint): void {
    this.#stamp = BigInt.asUintN(64, value);
    const time = this.#rules.apply(this.#stamp, this.#cpu);
    this.seconds = Number(time / BigInt(BILLION));
    this.nanos = Number(time % BigInt(BILLION));
  }
}

function stamp(hi: number, lo: number): bigint {
  return BigInt(hi) * BigInt(TWO_32) + BigInt(lo);
}

function absoluteStamp(before: bigint, upper: number, delta: number): bigint {
  const low = BigInt.asUintN(Number(ABSOLUTE_BITS), BigInt(upper) * BigInt(UPPER) + BigInt(delta));
  return ((before >> ABSOLUTE_BITS) << ABSOLUTE_BITS) | low;
}
