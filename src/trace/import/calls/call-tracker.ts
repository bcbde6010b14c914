import type { PgtableCall, PgtableReturn } from '../payload.ts';
import { NO_STAMP } from '../text/time-stamp.ts';
import { RequestLog } from './request-log.ts';

/** A probed call with what is known of it. */
export interface TrackedCall {
  readonly call: PgtableCall;
  readonly thread: string;
  readonly line: number;
  /** What the thread was doing: 0 task, 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  /** Nanoseconds at which it began, NO_STAMP when the recording does not say. */
  readonly ts: number;
  /** Nanoseconds at which it returned, NO_STAMP when the recording does not say. */
  end: number;
  /** What it returned, null when the recording does not say. */
  ret: number | null;
}

/** Entries without any return in the whole recording after which returns are no longer waited for. */
const PATIENCE = 16;

/**
 * Pairs entries and returns of probed calls by thread, nested ones included, and tells the request log of each.
 */
export class CallTracker {
  readonly #open = new Map<string, TrackedCall[]>();
  readonly requests = new RequestLog();
  readonly #emit: (call: TrackedCall) => void;
  #waiting = 0;
  #returnsSeen = false;
  #returnsAbsent = false;
  /** Returns without an entry. */
  orphanReturns = 0;
  /** Entries without a return, in a recording that has returns. */
  unreturned = 0;

  constructor(emit: (call: TrackedCall) => void) {
    this.#emit = emit;
  }

  enter(call: PgtableCall, thread: string, line: number, level = 0, ts = NO_STAMP): void {
    const tracked: TrackedCall = { call, thread, line, level, ts, end: NO_STAMP, ret: null };
    if (this.#returnsAbsent) {
      this.#done(tracked);
      return;
    }
    const stack = this.#open.get(thread);
    if (stack === undefined) this.#open.set(thread, [tracked]);
    else {
      // Only an interrupt can nest calls; one that began on the same level or above has ended unseen.
      this.#giveUp(stack, level);
      stack.push(tracked);
    }
    this.#waiting++;
    if (!this.#returnsSeen && this.#waiting + this.unreturned >= PATIENCE) {
      this.#returnsAbsent = true;
      this.unreturned = 0;
      this.#flush();
    }
  }

  leave(event: PgtableReturn, thread: string, level = 0, ts = NO_STAMP): void {
    this.#returnsSeen = true;
    this.#returnsAbsent = false;
    const stack = this.#open.get(thread);
    if (stack !== undefined) {
      this.#giveUp(stack, level + 1);
      const tracked = stack.at(-1);
      if (
        tracked !== undefined &&
        tracked.level === level &&
        (event.isMap ?? tracked.call.isMap) === tracked.call.isMap
      ) {
        stack.pop();
        this.#waiting--;
        // A register may hold what is no number of bytes; then nothing is known.
        tracked.ret = Number.isSafeInteger(event.ret) ? event.ret : null;
        // A map returns an int, which was not known when the register was read.
        if (event.isMap === null && tracked.call.isMap && tracked.ret !== null) tracked.ret |= 0;
        // The clocks of two CPUs may disagree; nothing ends before it began.
        if (ts >= tracked.ts) tracked.end = ts;
        this.#done(tracked);
        return;
      }
    }
    this.orphanReturns++;
  }

  /** Hands over what still waits, in the order of the recording. */
  finish(): void {
    this.unreturned = this.#returnsSeen ? this.unreturned + this.#waiting : 0;
    this.#flush();
  }

  /** Hands over the calls on a table that still wait: it is being freed, and its key may be used again. */
  flushTable(key: string): void {
    if (this.#waiting === 0) return;
    const waiting: TrackedCall[] = [];
    for (const [thread, stack] of this.#open) {
      // Threads come and go; those without a call are not looked at again.
      if (stack.length === 0) this.#open.delete(thread);
      else if (stack.some(({ call }) => call.key === key)) {
        waiting.push(...stack.filter(({ call }) => call.key === key));
        this.#open.set(
          thread,
          stack.filter(({ call }) => call.key !== key),
        );
      }
    }
    this.#waiting -= waiting.length;
    if (this.#returnsSeen) this.unreturned += waiting.length;
    for (const tracked of waiting.sort((a, b) => a.line - b.line)) this.#done(tracked);
  }

  /** Hands over the calls of a thread on this level and above without what they returned, the oldest first. */
  #giveUp(stack: TrackedCall[], level: number): void {
    if (stack.length === 0 || stack[stack.length - 1].level < level) return;
    const from = stack.findIndex((tracked) => tracked.level >= level);
    for (const tracked of stack.splice(from)) {
      this.#waiting--;
      this.unreturned++;
      this.#done(tracked);
    }
  }

  #done(tracked: TrackedCall): void {
    this.requests.add(tracked);
    this.#emit(tracked);
  }

  #flush(): void {
    const rest = [...this.#open.values()].flat().sort((a, b) => a.line - b.line);
    this.#open.clear();
    this.#waiting = 0;
    for (const tracked of rest) this.#done(tracked);
  }
}
