import { editDistance } from '../../base/edit-distance.ts';
import { type Event, LAST_COLUMN_OP, OPS, opCode } from '../events.ts';
import type { Path } from './checks.ts';
import { OP_FIELDS } from './fields.ts';
import { brokenRule } from './rules.ts';

/** Levels of objects and lists in a line: far more than any event has, far less than what writes them again can stand. */
const DEEPEST = 500;

/** What is known of a line that is not an event, besides its message. */
interface Fault {
  /** Keys and indices down to the value at fault; empty: the whole line. */
  readonly path?: Path;
  /** What that value must be; the message can then be told again with the value as it is written in the line. */
  readonly must?: string;
  /** The line is no JSON at all. */
  readonly syntax?: boolean;
}

/** A line that is not an event. `locate` finds its column. */
export class LineError extends Error {
  readonly path: Path;
  readonly must: string | null;
  readonly syntax: boolean;

  constructor(message: string, fault: Fault = {}) {
    super(message);
    this.name = 'LineError';
    this.path = fault.path ?? [];
    this.must = fault.must ?? null;
    this.syntax = fault.syntax ?? false;
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
    throw new LineError('not valid JSON; each line must hold one JSON object', { syntax: true });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const hint = Array.isArray(value) ? ', without [ ] around it' : '';
    throw new LineError(
      `found ${describe(value)}; each line must hold one JSON object${hint}, such as {"op":"walk","iova":"0x1000"}`,
    );
  }
  const record = value as Record<string, unknown>;
  const op = Object.hasOwn(record, 'op') ? record['op'] : undefined;
  if (op === undefined) {
    throw new LineError('this object has no "op"; it names the operation, as in {"op":"walk","iova":"0x1000"}');
  }
  if (typeof op !== 'string') throw wrongValue(['op'], op, 'the name of an operation, such as "map"');
  if (opCode(op) < 0) throw new LineError(`unknown op ${describe(op)}${suggestion(op)}`, { path: ['op'] });
  checkFields(record, op as Event['op']);
  const broken = brokenRule(record, op as Event['op']);
  if (broken !== null) {
    if ('must' in broken) throw wrongValue(broken.path, record[broken.path[0]], broken.must);
    throw new LineError(broken.message, { path: broken.path });
  }
  if (LONG_NUMBER.test(text)) checkNumbers(record);
  // Of the frequent events only the columns stay.
  if (opCode(op) > LAST_COLUMN_OP && text.length > 2 * DEEPEST && depthOf(text) > DEEPEST) {
    throw new LineError(
      `objects and lists ${DEEPEST} deep and more; events are a few deep, and so must be what comes with them`,
    );
  }
  return value as Event;
}

function checkFields(record: Record<string, unknown>, op: Event['op']): void {
  const fields = OP_FIELDS[op];
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if (!Object.hasOwn(record, key)) {
      if (field.required) throw new LineError(`${op} without "${key}", which must be there${example(op)}`);
      continue;
    }
    const wrong = field.check(record[key]);
    if (wrong === null) continue;
    if (typeof wrong === 'string') throw wrongValue([key], record[key], wrong);
    throw wrongValue([key, ...wrong.path], wrong.value, wrong.must);
  }
}

/** Whole lines of the ops that people write by hand, to show what a line that lacks something should look like. */
const EXAMPLES: Partial<Record<Event['op'], string>> = {
  map: '{"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}',
  unmap: '{"op":"unmap","iova":"0x1000","size":4096}',
  map_pages: '{"op":"map_pages","iova":"0x1000","paddr":"0x80000000","pgsize":4096,"pgcount":1}',
  unmap_pages: '{"op":"unmap_pages","iova":"0x1000","pgsize":4096,"pgcount":1}',
  domain: '{"op":"domain","id":"d0"}',
  trace: '{"op":"trace","version":1}',
  walk: '{"op":"walk","iova":"0x1000"}',
  iova_to_phys: '{"op":"iova_to_phys","iova":"0x1000"}',
};

function example(op: Event['op']): string {
  const line = EXAMPLES[op];
  return line === undefined ? '' : `, as in ${line}`;
}

function wrongValue(path: Path, value: unknown, must: string): LineError {
  return new LineError(wrongValueText(path, describe(value), must), { path, must });
}

/** `"iova" is 4096; it must be an address ...`. */
export function wrongValueText(path: Path, found: string, must: string): string {
  return `${pathText(path)} is ${found}; it must be ${must}`;
}

function pathText(path: Path): string {
  const steps = path.slice(0, SHOWN_STEPS);
  const text = steps.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}"${step}"`));
  return shorten(text.join('') + (path.length > SHOWN_STEPS ? '...' : ''));
}

const LONG_NUMBER = /\d{16}|\d[eE]/;

/** A value on the way through a record; the path is put together only when it is needed. */
interface Visit {
  readonly value: unknown;
  readonly step: string | number;
  readonly parent: Visit | null;
}

/** Refuses numbers that the parser has rounded, or may have, under whatever key: they would come out different. */
function checkNumbers(record: Record<string, unknown>): void {
  const left: Visit[] = [{ value: record, step: '', parent: null }];
  for (let visit = left.pop(); visit !== undefined; visit = left.pop()) {
    const { value } = visit;
    if (typeof value === 'number') {
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
        throw wrongValue(pathOf(visit), value, 'a number below 2^53, or a string: JSON readers round larger numbers');
      }
    } else if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) left.push({ value: value[i], step: i, parent: visit });
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      for (let i = entries.length - 1; i >= 0; i--)
        left.push({ value: entries[i][1], step: entries[i][0], parent: visit });
    }
  }
}

function pathOf(visit: Visit): Path {
  const path: (string | number)[] = [];
  for (let at = visit; at.parent !== null; at = at.parent) path.push(at.step);
  return path.reverse();
}

const SHOWN_CHARACTERS = 60;
const SHOWN_STEPS = 8;

function describe(value: unknown): string {
  if (typeof value === 'string') return shorten(JSON.stringify(value.slice(0, SHOWN_CHARACTERS + 1)));
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return shorten(JSON.stringify(value));
  } catch {
    // Nested deeper than the writer can follow.
    return Array.isArray(value) ? '[...' : '{...';
  }
}

/** Text as it stands in a line, cut to what fits in a message. */
export function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text;
}

/** No op is longer than half of this; a longer word is no slip of the pen. */
const LONGEST_GUESS = 30;

function suggestion(op: string): string {
  const known = `; known are ${OPS.join(', ')}`;
  if (op.length > LONGEST_GUESS) return known;
  const word = op.toLowerCase().replaceAll('-', '_');
  const near = OPS.map((name) => ({ name, distance: editDistance(word, name) })).sort(
    (a, b) => a.distance - b.distance,
  )[0];
  return near.distance <= 2 ? `; did you mean "${near.name}"?` : known;
}

/** How deep objects and lists of a valid JSON text lie in each other. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

/** Where the string that begins at a quote ends. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
