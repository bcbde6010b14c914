/** Types of fetched values, as kprobe_events names them: their letter says how they are printed, their number the bits. */
export type FieldType = 'x64' | 'x32' | 'u64' | 'u32' | 'u8' | 's32';

/** One argument of a probe: `name=fetch:type`. */
export interface ProbeField {
  readonly name: string;
  /** `$argN`, `$retval`, or memory at an offset from an argument: `-40($arg1)`. */
  readonly fetch: string;
  readonly type: FieldType;
}

/** A probe on the entry (kprobe) or on the return (kretprobe) of a function. */
export interface Probe {
  /** Name of its event. */
  readonly name: string;
  readonly kind: 'kprobe' | 'kretprobe';
  readonly function: string;
  readonly fields: readonly ProbeField[];
}

/** The group that all events of the probes are in. */
export const GROUP = 'lpae';

const BYTES: Readonly<Record<FieldType, number>> = { x64: 8, x32: 4, u64: 8, u32: 4, u8: 1, s32: 4 };

/** The definition as it is written to `kprobe_events` (Documentation/trace/kprobetrace.rst). */
export function definition(probe: Probe): string {
  const fields = probe.fields.map(({ name, fetch, type }) => `${name}=${fetch}:${type}`);
  return [`${probe.kind === 'kprobe' ? 'p' : 'r'}:${GROUP}/${probe.name}`, probe.function, ...fields].join(' ');
}

/** The value of the boot argument `kprobe_event`: the definitions with commas for spaces, and semicolons between them. */
export function bootDefinitions(probes: readonly Probe[]): string {
  return probes.map((probe) => definition(probe).replaceAll(' ', ',')).join(';');
}

/** Bytes of what a probe records besides its fields: the common ones, and the address of the probe or both of a return. */
const HEAD_BYTES = { kprobe: 16, kretprobe: 24 } as const;
/** Header and alignment of small events in the ring buffer (ring_buffer.c:rb_calculate_event_length). */
const EVENT_HEADER = 4;
const ALIGNMENT = 4;

/** Bytes that one event takes in the ring buffer when it holds so many bytes of its own, 8 to 112. */
export function ringBytes(own: number): number {
  return Math.ceil((own + EVENT_HEADER) / ALIGNMENT) * ALIGNMENT;
}

/** Bytes in the ring buffer of one hit of a probe. */
export function probeBytes(probe: Probe): number {
  const head: number = HEAD_BYTES[probe.kind];
  return ringBytes(probe.fields.reduce((sum, { type }) => sum + BYTES[type], head));
}
