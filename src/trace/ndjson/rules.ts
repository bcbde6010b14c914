import type { OpName } from '../events.ts';

/*
 * What holds between the fields of one event, each of which is right by itself (fields.ts).
 */

type Fields = Readonly<Record<string, unknown>>;

/** A rule that a line breaks: the value at fault and what it must be, or a message about the whole line (empty path). */
export type Broken =
  | { readonly path: readonly [string]; readonly must: string }
  | { readonly path: readonly string[]; readonly message: string };

/** The first rule that a record with good fields breaks, null when there is none. */
export function brokenRule(record: Fields, op: OpName): Broken | null {
  const order = notBefore(record, 'ts');
  if (order !== null) return order;
  if (op === 'rcu_read') return reader(record);
  if (op === 'unreserve' || op === 'release') return wholeRange(record, op);
  if (op === 'reserve') return whichDomains(record);
  if (op === 'window_create') return windowShape(record);
  if (op === 'nest') return whoseChild(record);
  return null;
}

/** `end` is not before the field that tells the beginning. */
function notBefore(record: Fields, start: string): Broken | null {
  if (!has(record, start) || !has(record, 'end')) return null;
  const from = record[start] as number;
  if ((record['end'] as number) >= from) return null;
  return { path: ['end'], must: `${from} or more, as "${start}" is ${from}` };
}

/** One address space, or several. */
function whichDomains(record: Fields): Broken | null {
  if (!has(record, 'domains')) return null;
  if (has(record, 'domain')) {
    return { path: ['domains'], message: 'reserve with both "domain" and "domains"; it must have one of them' };
  }
  const { length } = record['domains'] as readonly string[];
  return length > 0 ? null : { path: ['domains'], must: 'a list of at least one domain id' };
}

const BY_SHAPE = '{"op":"window_create","pageShift":16,"size":68719476736,"levels":1}';

/** A window is told by its shape, or by what it must cover; that of an address space by its size. */
function windowShape(record: Fields): Broken | null {
  if (has(record, 'domain')) {
    return has(record, 'size') ? null : line('window_create with "domain" and without "size", the bytes of its window');
  }
  if (has(record, 'require') || (has(record, 'pageShift') && has(record, 'size'))) return null;
  return line(`window_create must have "pageShift" and "size", as in ${BY_SHAPE}, or "require"`);
}

/** Only the registered memory of a process has no parent. */
function whoseChild(record: Fields): Broken | null {
  const isRoot = record['kind'] === 'passthrough';
  if (has(record, 'parent') !== isRoot) return null;
  return isRoot
    ? { path: ['parent'], message: 'nest of kind "passthrough" with "parent"; its parent is the memory of the process' }
    : line('nest without "parent", as in {"op":"nest","id":"inner","parent":"d0"}');
}

const WHOLE_READER = '{"op":"rcu_read","begin":1000,"end":2000}';
const READER_PHASE = '{"op":"rcu_read","id":"r1","phase":"begin"}';

/** A reader is told at once or by its two ends, in a way that leaves no doubt which. */
function reader(record: Fields): Broken | null {
  if (has(record, 'begin')) {
    if (has(record, 'phase')) {
      return {
        path: ['phase'],
        message: `rcu_read with both "begin" and "phase"; it must be a whole reader, as in ${WHOLE_READER}, or one end of a reader, as in ${READER_PHASE}`,
      };
    }
    if (!has(record, 'end')) return line(`rcu_read with "begin" and without "end", as in ${WHOLE_READER}`);
    return notBefore(record, 'begin');
  }
  if (has(record, 'phase')) {
    return has(record, 'id') ? null : line(`rcu_read with "phase" and without "id", as in ${READER_PHASE}`);
  }
  return line(
    `rcu_read must have "begin" and "end", as in ${WHOLE_READER}, or "id" and "phase", as in ${READER_PHASE}`,
  );
}

/** A range is whole or not given at all. */
function wholeRange(record: Fields, op: OpName): Broken | null {
  const iova = has(record, 'iova');
  if (iova === has(record, 'size')) return null;
  const [given, missing] = iova ? ['iova', 'size'] : ['size', 'iova'];
  return {
    path: [given],
    message: `${op} with "${given}" and without "${missing}"; the range must be given as both, or by "id" alone`,
  };
}

function line(message: string): Broken {
  return { path: [], message };
}

function has(record: Fields, key: string): boolean {
  return Object.hasOwn(record, key);
}
