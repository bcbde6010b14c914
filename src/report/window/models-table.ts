import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';
import { exactSize, grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { ModelRow } from '../../replay/windows/compare-models.ts';
import type { GuestProcess } from '../../window/models/model.ts';
import type { Nesting } from '../../window/nested/options.ts';
import { type Column, renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';

export const WINDOWS_SCHEMA = 'pgtrace.windows/1';

/** What `pgtrace windows --json` prints. */
export interface ModelsDocument {
  readonly schema: typeof WINDOWS_SCHEMA;
  readonly tool: { readonly name: 'pgtrace'; readonly version: string };
  readonly trace: {
    readonly format: string;
    readonly maps: number;
    readonly unmaps: number;
    /** Maps that failed when they were recorded. */
    readonly leftOut: number;
    /** It has requests to containers, and domains with plain maps. */
    readonly hasWindows: boolean;
    readonly plainDomains: number;
  };
  readonly process: GuestProcess;
  /** Guest memory that plain maps were taken to refer to. */
  readonly memory: { readonly ranges: number; readonly bytes: number };
  /** Windows that domains with plain maps were given. */
  readonly windows: readonly { readonly domain: string; readonly size: number; readonly page: number }[];
  readonly nesting: Nesting;
  readonly models: readonly ModelRow[];
}

/** How the comparison is shown. */
export interface ModelsStyle {
  readonly name: string;
  readonly color: boolean;
  readonly width: number | null;
}

const HANG = 4;

/** One table, or where it is too wide what was asked first and below it what else there is. */
function inWidth(document: ModelsDocument, ink: ChalkInstance, width: number | null): string {
  const all = columns(document);
  const plain = renderColumns(document.models, all);
  const widest = Math.max(...plain.split('\n').map((line) => line.length));
  if (width === null || widest <= width) return renderColumns(document.models, all, ink.bold);
  const first = all.filter(({ spare }) => spare !== true);
  const rest = all.filter(({ spare }, at) => at === 0 || spare === true);
  return [first, rest].map((part) => renderColumns(document.models, part, ink.bold, width)).join('\n');
}

/** The models side by side, one row each, and below in words what the numbers say. */
export function modelsText(document: ModelsDocument, style: ModelsStyle): string {
  const ink = new Chalk({ level: style.color ? 1 : 0 });
  const { trace, process } = document;
  const facts = [
    printable(trace.format),
    plural(trace.maps, 'map'),
    plural(trace.unmaps, 'unmap'),
    `CPU pages of ${exactSize(process.cpuPage)}`,
    process.rlimit === null ? 'no limit on locked memory' : `${readableBytes(process.rlimit)} may be locked`,
  ];
  const head = `${ink.bold(printable(style.name))}  ${facts.join(', ')}\n`;
  const table = inWidth(document, ink, style.width);
  return [
    wrapped(head, style.width, HANG),
    table,
    wrapped(
      [...assumptions(document), ...inWords(document, ink)].map((line) => `${line}\n`).join(''),
      style.width,
      HANG,
    ),
  ].join('\n');
}

function columns({ models }: ModelsDocument): readonly Column<ModelRow>[] {
  const marked = (field: 'pins' | 'pinCalls' | 'accountCalls'): ((row: ModelRow) => string) => {
    const sound = models.filter(({ failures, otherFailures }) => failures + otherFailures === 0);
    const least = Math.min(...sound.map((row) => row[field]));
    return (row) =>
      `${grouped(row[field])}${sound.length > 1 && sound.includes(row) && row[field] === least ? '*' : ''}`;
  };
  return [
    { title: 'model', align: 'left', cell: ({ model }) => model },
    { title: 'pages pinned', align: 'right', cell: marked('pins') },
    { title: 'pin calls', align: 'right', cell: marked('pinCalls') },
    { title: 'account calls', align: 'right', cell: marked('accountCalls') },
    { title: 'locked peak', align: 'right', cell: ({ lockedPeakBytes }) => readableBytes(lockedPeakBytes) },
    { title: 'failures', align: 'right', cell: failuresText },
    { title: 'entries written', align: 'right', cell: ({ entriesWritten }) => grouped(entriesWritten), spare: true },
    { title: 'tables', align: 'right', cell: ({ tableBytes }) => readableBytes(tableBytes), spare: true },
    {
      title: 'accounted',
      align: 'right',
      cell: ({ tableBytesAccounted }) => (tableBytesAccounted === 0 ? '-' : readableBytes(tableBytesAccounted)),
      spare: true,
    },
    { title: 'invalidations', align: 'right', cell: ({ invalidations }) => grouped(invalidations), spare: true },
  ];
}

function failuresText({ failures, otherFailures, errors }: ModelRow): string {
  if (failures + otherFailures === 0) return '0';
  const [name] = Object.entries(errors).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0];
  const others = otherFailures === 0 ? '' : `+${grouped(otherFailures)}`;
  return `${grouped(failures)}${others} (${name})`;
}

/** What a trace of plain maps was taken to mean. */
function assumptions({ trace, memory, windows }: ModelsDocument): string[] {
  const lines: string[] = [];
  if (trace.plainDomains > 0) {
    const what =
      windows.length === 1
        ? `a window of ${exactSize(windows[0].size)} in pages of ${exactSize(windows[0].page)}`
        : 'a window for each domain';
    lines.push(
      `Taken from the maps: ${readableBytes(memory.bytes)} of guest memory in ${plural(memory.ranges, 'range')}, registered before the first map, and ${what}.`,
    );
  }
  if (trace.leftOut > 0) lines.push(`Left out: ${plural(trace.leftOut, 'map')} that failed when recorded.`);
  return lines;
}

/** The argument in words: what pinning and accounting for each map costs against doing it once. */
function inWords({ models }: ModelsDocument, ink: ChalkInstance): string[] {
  const sound = models.filter(({ failures, otherFailures }) => failures + otherFailures === 0);
  const lines: string[] = [];
  const calls = ({ pinCalls, accountCalls }: ModelRow): number => pinCalls + accountCalls;
  const least = minBy(sound, calls);
  const most = minBy(sound, (row) => -calls(row));
  if (least !== null && most !== null && calls(most) > calls(least)) {
    const times = calls(least) === 0 ? '' : `: ${(calls(most) / calls(least)).toFixed(1)} times as many`;
    lines.push(
      `${ink.bold(most.model)} pins and accounts in ${plural(calls(most), 'call')}, ${least.model} in ${grouped(calls(least))}${times}.`,
    );
  }
  const locked = minBy(sound, ({ lockedPeak }) => lockedPeak);
  const lockedMost = minBy(sound, ({ lockedPeak }) => -lockedPeak);
  if (locked !== null && lockedMost !== null && lockedMost.lockedPeak > locked.lockedPeak) {
    lines.push(
      `Least locked: ${locked.model} with ${readableBytes(locked.lockedPeakBytes)} at most; most: ${lockedMost.model} with ${readableBytes(lockedMost.lockedPeakBytes)}.`,
    );
  }
  const broken = models.filter((row) => !sound.includes(row));
  if (broken.length > 0) {
    lines.push(`Not compared, since something failed: ${broken.map(({ model }) => model).join(', ')}.`);
  }
  return lines;
}

/** The row with the least value, the first of equals; null when there is none. */
function minBy(rows: readonly ModelRow[], value: (row: ModelRow) => number): ModelRow | null {
  return rows.reduce<ModelRow | null>((best, row) => (best === null || value(row) < value(best) ? row : best), null);
}
