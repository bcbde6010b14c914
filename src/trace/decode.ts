import { type Event, OPS, opCode } from './events.ts';
import { OP_FIELDS } from './fields.ts';

/** A line that is not an event. `key` names the field at fault, `offset` the character; null when it is the whole line. */
export class LineError extends Error {
  readonly key: string | null;
  readonly offset: number | null;

  constructor(message: string, key: string | null = null, offset: number | null = null) {
    super(message);
    this.name = 'LineError';
    this.key = key;
    this.offset = offset;
  }
}

/**
 * One line of the trace language as an event; unknown keys stay on it. Throws LineError with what is wrong and what
 * would be right. The byte scanner (scan.ts) accepts a subset of these lines and gives the same events.
 */
export function decodeEvent(text: string): Event {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LineError('not valid JSON; one JSON object a line is expected', null, -1);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineError(`found ${describe(value)}; one JSON object a line is expected`, null, 0);
  }
  const record = value as Record<string, unknown>;
  const op = record['op'];
  if (typeof op !== 'string') {
    throw new LineError(
      Object.hasOwn(record, 'op') ? `"op" is ${describe(op)}; it must be the name of an operation` : 'no "op" in this object; it names the operation, such as "map"',
      Object.hasOwn(record, 'op') ? 'op' : null,
      0,
    );
  }
  if (opCode(op) < 0) throw new LineError(`unknown op ${JSON.stringify(op)}${suggestion(op)}`, 'op');
  const fields = OP_FIELDS[op as Event['op']];
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if (!Object.hasOwn(record, key)) {
      if (field.required) throw new LineError(`${op} without "${key}"`, null, 0);
      continue;
    }
    const wrong = field.check(record[key]);
    if (wrong !== null) throw new LineError(`"${key}" is ${describe(record[key])}; it must be ${wrong}`, key);
  }
  if (LONG_NUMBER.test(text)) {
    const unsafe = unsafeNumberKey(record);
    if (unsafe !== null) throw new LineError(`"${unsafe}" holds a number above 2^53, which would be rounded; write it as a string`, unsafe);
  }
  return value as Event;
}

const LONG_NUMBER = /\d{16}|\d[eE]/;

/** First key under which a number was, or may have been, rounded by the parser. */
function unsafeNumberKey(record: Record<string, unknown>): string | null {
  const isUnsafe = (value: unknown): boolean => {
    if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
    return typeof value === 'object' && value !== null && Object.values(value).some(isUnsafe);
  };
  return Object.keys(record).find((key) => isUnsafe(record[key])) ?? null;
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

function suggestion(op: string): string {
  const near = OPS.map((known) => ({ known, distance: editDistance(op, known) })).sort((a, b) => a.distance - b.distance)[0];
  return near.distance <= 2 ? `; did you mean "${near.known}"?` : `; known are ${OPS.join(', ')}`;
}

/** Levenshtein distance, for suggestions. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(row[j - 1] + 1, previous[j] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length];
}
