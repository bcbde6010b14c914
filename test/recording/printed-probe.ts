/** One argument of a definition in kprobe_events. */
interface DefinedField {
  readonly name: string;
  readonly fetch: string;
  readonly type: string;
}

/** A definition as the kernel takes it apart. */
export interface DefinedProbe {
  readonly kind: 'p' | 'r';
  readonly group: string;
  readonly event: string;
  readonly symbol: string;
  readonly fields: readonly DefinedField[];
}

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const DEFINITION = new RegExp(`^([pr]):(${NAME})/(${NAME}) (${NAME})((?: \\S+)*)$`);
const FIELD = new RegExp(
  `^(${NAME})=(\\$arg[1-8]|\\$retval|[+-](?:0|[1-9]\\d*)\\(\\$arg[1-8]\\)):((?:[xu](?:8|16|32|64))|s(?:8|16|32|64))$`,
);
/** Names that the kernel keeps for itself (trace_probe.c:reserved_field_names). */
const RESERVED = /^(?:common_\w+|__probe_\w+)$/;

/** Takes a definition apart by the grammar of Documentation/trace/kprobetrace.rst. Throws where the kernel would refuse. */
export function parseDefinition(text: string): DefinedProbe {
  const match = DEFINITION.exec(text);
  if (match === null) throw new Error(`no definition: ${text}`);
  const [, kind, group, event, symbol, rest] = match;
  if (group.length >= 64 || event.length >= 64) throw new Error(`name too long: ${text}`);
  const fields = rest.split(' ').filter((word) => word !== '');
  if (fields.length === 0 || fields.length > 128) throw new Error(`number of arguments: ${text}`);
  const parsed = fields.map((field): DefinedField => {
    const parts = FIELD.exec(field);
    if (parts === null) throw new Error(`no argument: ${field}`);
    const [, name, fetch, type] = parts;
    if (RESERVED.test(name) || name.length > 32) throw new Error(`name of argument: ${field}`);
    if ((fetch === '$retval') !== (kind === 'r')) throw new Error(`${fetch} in ${kind}`);
    return { name, fetch, type };
  });
  if (new Set(parsed.map(({ name }) => name)).size !== parsed.length) throw new Error(`a name twice: ${text}`);
  return { kind: kind === 'p' ? 'p' : 'r', group, event, symbol, fields: parsed };
}

/** A value as the kernel prints it by its type, cut to the bits that the type has. */
export function printedValue(type: string, value: bigint): string {
  const bits = Number(type.slice(1));
  if (type.startsWith('s')) return String(BigInt.asIntN(bits, value));
  const unsigned = BigInt.asUintN(bits, value);
  return type.startsWith('x') ? `0x${unsigned.toString(16)}` : String(unsigned);
}

export interface PrintOptions {
  /** Addresses in place of symbols, as trace-cmd prints them without a symbol table. */
  readonly addresses?: boolean;
}

/** The event's text behind `event: `, with a value for each field by its name. */
export function printedArgs(
  probe: DefinedProbe,
  values: Readonly<Record<string, bigint>>,
  { addresses = false }: PrintOptions = {},
): string {
  const at = addresses ? 'ffffbc34a06b47f0' : `${probe.symbol}+0x0/0x170`;
  const from = addresses ? 'ffffbc34a06b4000' : 'arm_smmu_map_pages+0x24/0x3c';
  // The place that is returned from has no offset.
  const place = probe.kind === 'p' ? at : `${from} <- ${addresses ? at : probe.symbol}`;
  return [
    `(${place})`,
    ...probe.fields.map(({ name, type }) => `${name}=${printedValue(type, values[name] ?? 0n)}`),
  ].join(' ');
}
