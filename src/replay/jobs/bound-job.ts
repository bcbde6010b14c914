import type { BindEvent } from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** One VM_BIND ioctl between its submission and its cleanup, whoever carries it out. */
export abstract class BoundJob {
  readonly id: string;
  readonly space: AddressSpace;
  readonly event: BindEvent;
  /** Number of its event, from 0, and line. */
  readonly seq: number;
  readonly line: number;
  state: 'submitted' | 'ran' | 'done' = 'submitted';
  /** What a throttle did to its submission, as fields of its line. */
  throttle = '';

  constructor(space: AddressSpace, event: BindEvent, seq: number, line: number) {
    this.id = String(event.job);
    this.space = space;
    this.event = event;
    this.seq = seq;
    this.line = line;
  }

  /** 0, or the errno that the ioctl or the job ended with. */
  abstract get ret(): number;
  /** Pages that it reserved and has not used, so far. */
  abstract get unused(): number;
  /** Reserves for an asynchronous job. One that is refused has failed and never runs. */
  abstract submit(): void;
  abstract run(): void;
  /** All phases of a synchronous job. `alone` is false for one that overtakes others. */
  abstract runSync(alone: boolean): void;
  /** What it did not use goes back. */
  abstract cleanup(): void;
  /** The trace ends before it ran: what it holds goes back, and it never runs. */
  abstract abandon(): void;
  /** The result line of its submission, of its run: fields with a leading comma each. */
  abstract submitFields(): string;
  abstract fields(): string;
}
