/** How a recorded machine lays out its numbers. */
export interface Machine {
  readonly bigEndian: boolean;
  readonly longSize: 4 | 8;
}

export const MACHINES: readonly Machine[] = [
  { bigEndian: false, longSize: 8 },
  { bigEndian: true, longSize: 8 },
  { bigEndian: false, longSize: 4 },
  { bigEndian: true, longSize: 4 },
];

/** Writes numbers one after another. */
export class Bytes {
  readonly #bigEndian: boolean;
  readonly #pieces: Buffer[] = [];
  length = 0;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  number(size: number, value: bigint | number): this {
    const piece = Buffer.alloc(size);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < size; i++) {
      piece[this.#bigEndian ? size - 1 - i : i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this.raw(piece);
  }

  raw(piece: Buffer): this {
    this.#pieces.push(piece);
    this.length += piece.length;
    return this;
  }

  text(text: string): this {
    return this.raw(Buffer.from(text, 'latin1'));
  }

  /** Zeros up to a multiple of `unit`. */
  align(unit: number): this {
    return this.raw(Buffer.alloc(Math.ceil(this.length / unit) * unit - this.length));
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** A field's C type and name; lists and texts stand behind the fixed fields. */
export type FieldPlan = readonly [type: string, name: string];

export interface EventPlan {
  readonly system: string;
  readonly name: string;
  readonly id: number;
  readonly fields: readonly FieldPlan[];
  /** How the kernel prints it; for trace-cmd, which the tests do without. */
  readonly print?: string;
}

export type Value = bigint | number | string | readonly (bigint | number)[];

interface Placed {
  readonly type: string;
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const COMMON = [
  'field:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  'field:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  'field:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  'field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
];

function sizeOf(type: string, { longSize }: Machine): number {
  if (type.startsWith('__data_loc') || type.startsWith('__rel_loc')) return 4;
  const array = /^char\[(\d+)\]$/.exec(type);
  if (array !== null) return Number(array[1]);
  if (/64$/.test(type)) return 8;
  if (/long|size_t|\*/.test(type)) return longSize;
  if (/16$|short/.test(type)) return 2;
  return /8$|char|bool/.test(type) ? 1 : 4;
}

function place(plan: EventPlan, machine: Machine): Placed[] {
  let at = 8;
  return plan.fields.map(([type, name]) => {
    const size = sizeOf(type, machine);
    const unit = type.startsWith('char[') ? 1 : size;
    const offset = Math.ceil(at / unit) * unit;
    at = offset + size;
    return { type, name, offset, size };
  });
}

/** The kernel's `format` file of an event. */
export function formatFile(plan: EventPlan, machine: Machine): string {
  const fields = place(plan, machine).map(({ type, name, offset, size }) => {
    const declared = type.startsWith('char[') ? `char ${name}${type.slice(4)}` : `${type} ${name}`;
    const signed = /^(?:int|long|s\d+|enum .*)$/.test(type) && !type.startsWith('enum') ? 1 : 0;
    return `field:${declared};\toffset:${offset};\tsize:${size};\tsigned:${signed};`;
  });
  const lines = [...COMMON, '', ...fields].map((line) => (line === '' ? '' : `\t${line}`));
  return `name: ${plan.name}\nID: ${plan.id}\nformat:\n${lines.join('\n')}\n\nprint fmt: ${plan.print ?? '"%s", "x"'}\n`;
}

export interface RawHead {
  readonly pid: number;
  readonly flags?: number;
}

/** The bytes of an event as a ring buffer holds them, a multiple of 4 long. */
export function rawEvent(
  plan: EventPlan,
  machine: Machine,
  values: Readonly<Record<string, Value>>,
  { pid, flags = 0 }: RawHead,
): Buffer {
  const { bigEndian } = machine;
  const placed = place(plan, machine);
  const fixed = new Bytes(bigEndian).number(2, plan.id).number(1, flags).number(1, 0).number(4, pid);
  const fixedEnd = Math.max(8, ...placed.map(({ offset, size }) => offset + size));
  const dynamic = new Bytes(bigEndian);
  for (const { type, name, offset, size } of placed) {
    fixed.raw(Buffer.alloc(offset - fixed.length));
    const value = values[name];
    if (type.startsWith('char['))
      fixed.raw(Buffer.concat([Buffer.from(String(value), 'latin1'), Buffer.alloc(size)], size));
    else if (/^__(data|rel)_loc/.test(type)) {
      const from = fixedEnd + dynamic.length;
      dynamic.raw(list(type, value, machine));
      const base = type.startsWith('__rel_loc') ? offset + size : 0;
      fixed.number(4, ((fixedEnd + dynamic.length - from) << 16) | (from - base));
    } else fixed.number(size, value as bigint | number);
  }
  return fixed.raw(dynamic.toBuffer()).align(4).toBuffer();
}

function list(type: string, value: Value, machine: Machine): Buffer {
  if (typeof value === 'string') return Buffer.from(`${value}\0`, 'latin1');
  const element = /_loc (.*)\[\]$/.exec(type)?.[1] ?? '';
  const bytes = new Bytes(machine.bigEndian);
  for (const one of value as readonly (bigint | number)[]) bytes.number(sizeOf(element, machine), one);
  return bytes.toBuffer();
}
