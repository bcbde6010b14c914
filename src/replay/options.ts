import type { Format, Kernel, PartialUnmap } from '../base/vocabulary.ts';

/** A named model with parameters, as `NAME,k=v` gives it. */
export interface ModelChoice {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Overrides of what the trace says about its domains; undefined keeps the trace's word. */
export interface DomainOverrides {
  readonly format?: Format;
  readonly pgsizes?: number;
  readonly ias?: number;
  readonly oas?: number;
  readonly quirks?: readonly string[];
  readonly coherent?: boolean;
  readonly cpuPageSize?: number;
}

export interface ReplayOptions {
  /** Null: the trace's own kernel, else 7.1. */
  readonly kernel: Kernel | null;
  /** Null: what the kernel does. */
  readonly partialUnmap: PartialUnmap | null;
  readonly allocator: ModelChoice;
  readonly flush: ModelChoice;
  readonly overrides: DomainOverrides;
  /** One gather per unmap request, or one for neighbouring unmaps of one task (a VFIO ioctl). */
  readonly gather: 'request' | 'task';
  /** Stop after the event with this number; null: replay all. */
  readonly until: number | null;
}
