import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { grouped, plural, readableBytes } from '../base/sizes.ts';
import { latencyText } from '../replay/queue/queue-options.ts';
import { DEFAULT_RESERVATION_OPTIONS } from '../reservation/options.ts';
import type { StatsDocument } from '../stats/document.ts';
import { allocatorRows, allocatorTables } from './allocator/allocator-tables.ts';
import { strategyTable } from './allocator/strategy-table.ts';
import { hasContainers, leavesText, listUnder, operationCount, shapeOf } from './counter-text.ts';
import { domainTables } from './domain-tables.ts';
import { policyTable } from './flush/policy-table.ts';
import { driverTable } from './gpu/driver-table.ts';
import { gpuRows } from './gpu/gpu-rows.ts';
import { mapleTable } from './gpu/maple-table.ts';
import { levelTable } from './level-table.ts';
import { importNotes } from './notes.ts';
import { rangeRows, rangeTable } from './range-table.ts';
import { repeatRows } from './repeat-rows.ts';
import { findingRows, verdictLine } from './verdict.ts';
import { windowRows } from './window/window-rows.ts';
import { wrapped } from './wrap.ts';

/** Where the second line of a broken sentence begins. */
const HANG = 4;

export interface TextStyle {
  /** The trace as the user named it. */
  readonly name: string;
  readonly color: boolean;
  /** Columns of the terminal; null off a terminal, where nothing is left out. */
  readonly width: number | null;
  /** List the IOVA reservations. */
  readonly reservations?: boolean;
}

/** The summary that `replay` prints: what the tables cost, in total and per domain, and whether anything is wrong. */
export function renderText(document: StatsDocument, style: TextStyle): string {
  const ink = new Chalk({ level: style.color ? 1 : 0 });
  const compares = document.strategies !== undefined;
  const parts = [
    header(document, style, ink),
    ...(compares ? comparison(document, ink, style.width) : [totals(document, ink, style.width)]),
    ...(compares ? [] : levelTable(document, ink, style.width)),
    ...(compares ? [] : allocatorTables(document, ink)),
    ...mapleTable(document, ink, style.width),
    ...policyTable(document, ink, style.width),
    ...(compares ? [] : domainTables(document.domains, ink, style.width)),
    ...(style.reservations === true ? rangeTable(document, ink, style.width) : []),
  ];
  const refused = document.domains.filter((domain) => domain.refused !== null);
  // A comparison of drivers tells it for each of them.
  if (refused.length > 0 && !comparesDrivers(document)) {
    parts.push(refused.map((d) => `${ink.yellow('refused')}  ${printable(d.id)}: ${d.refused}\n`).join(''));
  }
  const notes = importNotes(document);
  if (notes.length > 0) {
    const text = notes.map((note) => `${ink.dim('note')}  ${note}\n`).join('');
    parts.push(wrapped(text, style.width, 6));
  }
  const findings = findingRows(document, ink);
  if (findings !== '') parts.push(wrapped(findings, style.width, HANG));
  parts.push(wrapped(verdictLine(document, ink), style.width, HANG));
  return parts.join('\n');
}

/** Several allocators, or several GPU drivers, side by side. */
function comparison(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  return comparesDrivers(document) ? driverTable(document, ink, width) : strategyTable(document, ink, width);
}

/** Operations replayed; of a comparison the most, since a driver may refuse some. */
function operations(document: StatsDocument): number {
  return Math.max(...(document.strategies ?? [document]).map(({ counters }) => operationCount(counters)));
}

/** True when the strategies are GPU drivers, not allocators. */
export function comparesDrivers({ strategies }: StatsDocument): boolean {
  return strategies?.some(({ driver }) => driver !== undefined) === true;
}

function header(document: StatsDocument, style: TextStyle, ink: ChalkInstance): string {
  const model = modelFacts(document, ink);
  const name = printable(style.name);
  const facts = traceFacts(document).join(', ');
  const gap = style.width !== null && name.length + facts.length + 2 > style.width ? '\n' : '  ';
  return wrapped(`${ink.bold(name)}${gap}${facts}\n${ink.dim(model.join(', '))}\n`, style.width, HANG);
}

/** What was replayed: the form of the trace and how much is in it. */
export function traceFacts(document: StatsDocument): string[] {
  const { trace } = document;
  const layer = trace.import?.layer;
  return [
    printable(trace.format),
    ...(layer === 'pgtable' ? ['raw io-pgtable calls'] : layer === 'iommu' ? ['iommu requests'] : []),
    plural(operations(document), 'operation'),
    plural(document.domains.length, 'domain'),
  ];
}

/** What it was replayed through: kernel, allocators, policies, configuration. */
export function modelFacts(document: StatsDocument, ink: ChalkInstance): string[] {
  const { config } = document;
  const shapes = new Set(document.domains.map(shapeOf));
  return [
    `kernel ${printable(config.kernel)}`,
    ...(config.engine === undefined ? [] : [`engine ${config.engine}`]),
    ...(config.repeat === undefined ? [] : [`repeat ${config.repeat}`]),
    ...driversText(document),
    ...allocatorsText(document),
    ...(config.queue === null ? [] : [`queue ${config.queue}`]),
    ...(config.zero ? [] : [ink.red('recycled pages not zeroed')]),
    ...policyTexts(document),
    ...(config.pgsizePolicy === undefined ? [] : [`pgsize-policy ${config.pgsizePolicy}`]),
    ...flushText(document),
    ...(shapes.size === 1 ? [...shapes] : []),
  ];
}

/** The flush policy, unless the table has a column for each of several. */
function flushText({ config, flushPolicies }: StatsDocument): string[] {
  const several = flushPolicies !== undefined && flushPolicies.length > 1;
  return [several ? `${flushPolicies.length} flush policies` : `flush ${printable(config.flush)}`];
}

/** The GPU drivers of the domains, unless the table has a row for each. */
function driversText(document: StatsDocument): string[] {
  const { domains, strategies } = document;
  if (comparesDrivers(document)) return [`${strategies?.length} drivers`];
  const drivers = [...new Set(domains.map(({ driver }) => driver))].filter((driver) => driver !== 'iommu');
  return drivers.length === 0 ? [] : [`driver ${drivers.join(', ')}`];
}

function allocatorsText(document: StatsDocument): string[] {
  const { config, strategies } = document;
  if (strategies === undefined) return [`allocator ${config.allocator}`];
  if (!comparesDrivers(document)) return [`${new Set(strategies.map(({ allocator }) => allocator)).size} allocators`];
  // A driver with tables of its own format stands where an allocator would be named.
  const chosen = strategies.filter(({ driver, allocator }) => driver !== allocator);
  const allocators = new Set(chosen.map(({ allocator }) => allocator));
  if (allocators.size !== 1) return ["each driver's own tables"];
  const [allocator] = allocators;
  if (chosen.length === strategies.length) return [`allocator ${allocator}`];
  const users = chosen.map(({ driver }) => driver).join(' and ');
  return [`allocator ${allocator} under ${users}, else each driver's own tables`];
}

/** Policies of IOVA reservations that are not the usual ones. */
function policyTexts({ config }: StatsDocument): string[] {
  const { rcuLatencyUnit, rcuLatency, ...words } = config.reservations;
  const usual: Readonly<Record<string, unknown>> = { ...DEFAULT_RESERVATION_OPTIONS };
  const option = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return [
    ...(config.reserveAround === null ? [] : [`reserve-around ${config.reserveAround}`]),
    ...Object.entries(words)
      .filter(([key, value]) => usual[key] !== value)
      .map(([key, value]) => `${key === 'overBlock' ? 'reserve-over-block' : option(key)} ${value}`),
    ...(rcuLatency === 0 ? [] : [`rcu-latency ${latencyText({ value: rcuLatency, unit: rcuLatencyUnit })}`]),
  ];
}

function totals(document: StatsDocument, ink: ChalkInstance, width: number | null): string {
  const rows = totalRows(document, ink);
  return wrapped(rows.map(([name, text]) => `${name.padEnd(12)}${text}\n`).join(''), width, 12);
}

/** The totals of one run, each with its name. */
export function totalRows(document: StatsDocument, ink: ChalkInstance): [name: string, text: string][] {
  const { counters } = document;
  const n = (key: string): number => counters[key] ?? 0;
  const number = (key: string): string => grouped(n(key));
  const live = n('memory.occupied');
  const mapped = n('mapped.live');
  const share = mapped === 0 ? '' : ` for ${readableBytes(mapped)} mapped (${percent(live, mapped)})`;
  const failed = listUnder(counters, 'errors.');
  const rows: [string, string][] = [
    [
      'tables',
      `${ink.bold(number('tables.peak'))} peak, ${number('tables.live')} live, ${number('tables.allocated')} allocated, ${number('tables.freed')} freed, ${number('tables.empty')} empty`,
    ],
    ['memory', `${ink.bold(readableBytes(n('memory.occupiedPeak')))} peak, ${readableBytes(live)} live${share}`],
    [
      'leaves',
      `${leavesText(document.domains)}; ${number('leaves.written')} written, ${number('leaves.cleared')} cleared`,
    ],
    ['tlb', tlbText(document, ink)],
    ['operations', `${listUnder(counters, 'ops.') || 'none'}${failed === '' ? '' : `; failed: ${failed}`}`],
  ];
  rows.push(
    ...gpuRows(document, ink),
    ...allocatorRows(document, ink),
    ...rangeRows(document, ink),
    ...repeatRows(document),
  );
  if (n('walker.ptSyncs') > 0) {
    const cleans = plural(n('walker.ptSyncs'), 'cache clean');
    rows.push(['walker', `${cleans} of table memory, ${plural(n('walker.dmaMaps'), 'DMA map')}`]);
  }
  // Requests to containers are about no page table of the engine.
  const ofTables = document.domains.length === 0 && hasContainers(document) ? [] : rows;
  return [...ofTables, ...windowRows(document, ink)];
}

function tlbText(document: StatsDocument, ink: ChalkInstance): string {
  const n = (key: string): number => document.counters[key] ?? 0;
  const parts = [
    plural(n('tlb.flushWalks'), 'walk flush', 'walk flushes'),
    `${plural(n('tlb.iotlbSyncs'), 'gather')} of ${plural(n('tlb.addPages'), 'page')}`,
  ];
  if (document.config.flush !== 'none') {
    parts.push(
      `${ink.bold(grouped(n('tlb.commands')))} ${n('tlb.commands') === 1 ? 'command' : 'commands'}`,
      plural(n('tlb.commandSyncs'), 'command sync'),
    );
  }
  return parts.join(', ');
}

function percent(part: number, whole: number): string {
  const value = (100 * part) / whole;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(2)} %`;
}
