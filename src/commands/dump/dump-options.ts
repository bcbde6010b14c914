import { type Command, Option } from 'commander';
import { usageError } from '../../base/errors.ts';
import {
  type DumpFilter,
  NO_FILTER,
  parseAttributes,
  parseIova,
  parseLevels,
  wantsTables,
} from '../../report/dump/filter.ts';
import { MERGE_RULES, type MergeRule, VIEW_NAMES, type ViewName } from '../../report/dump/view.ts';
import type { TraceCommandOptions } from '../options/trace-options.ts';

/** Options of `dump`, as commander hands them over. */
export interface DumpCommandOptions extends TraceCommandOptions {
  readonly view?: ViewName;
  readonly iova?: string;
  readonly at?: string;
  readonly domain?: string;
  readonly level?: string;
  readonly attr?: string;
  readonly merge?: MergeRule;
  readonly explain?: boolean;
  readonly expand?: boolean;
  readonly json?: boolean;
}

const VIEW = 'View:';
const FILTER = 'Filters:';

/** Adds the options of `dump` alone. */
export function addDumpOptions(command: Command): Command {
  const add = (group: string, option: Option): void => {
    option.helpGroup(group);
    command.addOption(option);
  };
  add(
    VIEW,
    new Option('--view <view>', 'default: walk of one --iova, ranges of a range, else tree').choices(VIEW_NAMES),
  );
  add(
    VIEW,
    new Option(
      '--at <list>',
      'the state after the event of that number, counted from 0, or of several: 10,20,30 (default: the end)',
    ),
  );
  add(
    VIEW,
    new Option('--merge <rule>', 'ranges: what neighbours must share (default: attrs+pa)').choices(MERGE_RULES),
  );
  add(VIEW, new Option('--explain', 'walk: name every bit of the entries'));
  add(
    VIEW,
    new Option(
      '--expand',
      'ranges, raw: shared tables at every address, however many there are (default: a million entries)',
    ),
  );
  add(VIEW, new Option('--json', 'one JSON object a line'));
  add(FILTER, new Option('--iova <where>', 'A, A..B (without B) or A+SIZE, A and B in hex'));
  add(FILTER, new Option('--domain <id>', 'one address space'));
  add(FILTER, new Option('--level <list>', 'entries of these levels, such as 3, 1-2 or 0,3'));
  add(FILTER, new Option('--attr <list>', 'entries with these attributes, such as rw,!x,inner'));
  return command.addHelpText(
    'after',
    `
Examples:
  pgtrace dump trace.ndjson                         tables, down to their leaves
  pgtrace dump trace.ndjson --iova 0x7f001000       where one address goes
  pgtrace dump trace.ndjson --iova 0x1000..0x5000   what a range maps
  pgtrace dump trace.ndjson --at 120 --view ranges --attr w,x
  pgtrace dump trace.ndjson --at 120,130,140         three looks in one replay`,
  );
}

/** What `dump` is asked for, checked as far as that is possible before the replay. */
export interface DumpPlan {
  readonly view: ViewName;
  readonly filter: DumpFilter;
  readonly merge: MergeRule;
  readonly explain: boolean;
  readonly expand: boolean;
  readonly domain: string | null;
  /** Events after which to look, ascending; empty: at the end. */
  readonly at: readonly number[];
}

/** Throws a usage error for bad values and for options that the view does not know. */
export function dumpPlan(options: DumpCommandOptions): DumpPlan {
  const filter: DumpFilter = {
    ...NO_FILTER,
    ...(options.iova === undefined ? {} : { iova: parseIova(options.iova) }),
    ...(options.level === undefined ? {} : { levels: parseLevels(options.level) }),
    ...(options.attr === undefined ? {} : { attributes: parseAttributes(options.attr) }),
  };
  const { iova } = filter;
  const view = options.view ?? (iova === null ? 'tree' : iova.single ? 'walk' : 'ranges');
  if (view === 'walk') {
    if (iova === null || !iova.single) throw usageError('--view walk follows one address: --iova 0x1000');
    if (options.level !== undefined) throw usageError('--level: a walk shows every level on its way; use --view raw');
    if (options.attr !== undefined) throw usageError('--attr: a walk shows every entry on its way; use --view raw');
  } else if (options.explain === true) throw usageError(`--explain belongs to --view walk, not to ${view}`);
  if (view === 'ranges') {
    if (wantsTables(filter))
      throw usageError('--attr: ranges are made of leaves; --view tree or raw shows table entries');
  } else if (options.merge !== undefined) throw usageError(`--merge belongs to --view ranges, not to ${view}`);
  if (options.expand === true && view !== 'ranges' && view !== 'raw')
    throw usageError(`--expand belongs to --view ranges and raw, not to ${view}`);
  return {
    view,
    filter,
    merge: options.merge ?? 'attrs+pa',
    explain: options.explain === true,
    expand: options.expand === true,
    domain: options.domain ?? null,
    at: options.at === undefined ? [] : parseSeqs(options.at),
  };
}

function parseSeqs(text: string): number[] {
  const seqs = text.split(',').map(parseSeq);
  return [...new Set(seqs)].sort((a, b) => a - b);
}

function parseSeq(text: string): number {
  const seq = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seq)) {
    throw usageError(`--at ${JSON.stringify(text)}: it takes the number of an event, counted from 0`);
  }
  return seq;
}
