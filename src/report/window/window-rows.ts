import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { Counters } from '../../stats/metrics/metric.ts';
import { hasContainers, listUnder } from '../counter-text.ts';

/** Lines of the summary about DMA windows, registered memory, nested address spaces and apertures; nothing without them. */
export function windowRows({ counters }: StatsDocument, ink: ChalkInstance): [string, string][] {
  return [...containerRows(counters, ink), ...nestRows(counters, ink), ...apertureRows(counters, ink)];
}

function containerRows(counters: Counters, ink: ChalkInstance): [string, string][] {
  if (!hasContainers({ counters })) return [];
  const n = (key: string): number => counters[key] ?? 0;
  const number = (key: string): string => grouped(n(key));
  const some = (key: string, text: (count: string) => string): string[] => (n(key) === 0 ? [] : [text(number(key))]);
  const rows: [string, string][] = [];
  const accounted = n('windows.tableBytes.accountedPeak');
  const allocated = n('windows.tableBytes.allocatedPeak');
  rows.push([
    'locked',
    [
      `${ink.bold(readableBytes(n('locked.peakBytes')))} at most (${plural(n('locked.peak'), 'page')})`,
      `now ${number('locked.tables')} for tables, ${number('locked.regions')} for registered memory, ${number('locked.v1Window')} for a window of v1`,
      ...some('locked.leakedAccounting', (pages) => ink.yellow(`${pages} leaked`)),
    ].join('; '),
  ]);
  rows.push([
    'windows',
    [
      `${ink.bold(number('windows.created'))} created, ${number('windows.live')} live`,
      ...some('windows.refused', (count) => `${count} refused`),
      `tables ${readableBytes(allocated)} allocated at most${accounted === 0 ? '' : `, ${readableBytes(accounted)} accounted`}`,
    ].join('; '),
  ]);
  if (n('prereg.registered') + n('prereg.refused') > 0) {
    const peak = n('prereg.bytesPeak');
    const now = n('prereg.bytes');
    const share = now === 0 ? '' : ` (${percent(n('prereg.bytesMapped'), now)} mapped now)`;
    rows.push([
      'registered',
      [
        `${ink.bold(readableBytes(peak))} at most, ${readableBytes(now)} now${share}`,
        ...some('prereg.refused', (count) => `${count} refused`),
        ...some('prereg.leakedRegions', (count) => ink.yellow(`${count} lost for good`)),
      ].join('; '),
    ]);
  }
  rows.push([
    'pins',
    [
      `${plural(n('pins.made'), 'page')} in ${plural(n('pins.calls'), 'call')}`,
      `${plural(n('pins.accountCalls'), 'change')} of the account`,
      ...some('pins.avoided', (count) => `${ink.bold(count)} avoided`),
    ].join('; '),
  ]);
  rows.push([
    'TCEs',
    [
      `${ink.bold(number('tce.written'))} written, ${number('tce.cleared')} cleared, ${number('tce.live')} live`,
      ...some('tce.replaced', (count) => `${count} replaced`),
      ...some('tce.lost', (count) => ink.yellow(`${count} lost`)),
      plural(n('tce.kills'), 'invalidation'),
    ].join('; '),
  ]);
  const failed = listUnder(counters, 'windows.errors.');
  rows.push([
    'requests',
    `${listUnder(counters, 'windows.ops.') || 'none'}${failed === '' ? '' : `; failed: ${failed}`}`,
  ]);
  if (n('windows.hardwareOps') > 0) {
    rows.push([
      'hardware',
      `${plural(n('windows.hardwareOps'), 'request')} that only this hardware knows; ${number('windows.hardwareOpsRemaining')} remain if the required range is given at creation`,
    ]);
  }
  return rows;
}

function nestRows(counters: Counters, ink: ChalkInstance): [string, string][] {
  if (counters['nested.spaces'] === undefined) return [];
  const n = (key: string): number => counters[key] ?? 0;
  const pages = n('nested.rootPagesPeak');
  const each = pages === 0 ? '' : `, ${(n('nested.referencesPeak') / pages).toFixed(1)} references each`;
  const parts = [
    `${ink.bold(grouped(n('nested.childMaps')))} child ${n('nested.childMaps') === 1 ? 'map' : 'maps'} without a pin, ${plural(n('nested.pinsAvoided'), 'page')} avoided`,
    `${plural(pages, 'page')} pinned at roots${each}`,
  ];
  if (n('nested.parentBusy') > 0) parts.push(`${plural(n('nested.parentBusy'), 'unmap')} of parents refused`);
  if (n('nested.revocations') > 0) parts.push(`${readableBytes(n('nested.revokedBytes'))} taken from children`);
  const depths = Object.keys(counters).filter((key) => key.startsWith('nested.tableBytes.'));
  const tables = depths.sort().map((key) => readableBytes(n(key)));
  const rows: [string, string][] = [['nested', parts.join('; ')]];
  const extra = n('nested.extraCommands') === 0 ? '' : `; ${plural(n('nested.extraCommands'), 'extra command')}`;
  rows.push([
    'nesting',
    `tables ${tables.join(' + ')} from the root down; longest walk ${plural(n('nested.walkSteps'), 'step')}${extra}`,
  ]);
  return rows;
}

function apertureRows(counters: Counters, ink: ChalkInstance): [string, string][] {
  if (counters['aperture.rejected'] === undefined) return [];
  const n = (key: string): number => counters[key] ?? 0;
  const parts: string[] = [];
  if (n('aperture.bytes') > 0) {
    const used = counters['aperture.used'] === undefined ? '' : `, ${(n('aperture.used') / 100).toFixed(2)} % used`;
    parts.push(`${ink.bold(readableBytes(n('aperture.bytes')))} allowed${used}`);
  }
  parts.push(`${plural(n('aperture.rejected'), 'map')} rejected`);
  if (counters['aperture.levelsSaved'] !== undefined || n('aperture.bytesSaved') > 0) {
    const levels = counters['aperture.levelsSaved'];
    const text = levels === undefined ? '' : `${plural(levels, 'level')} and `;
    parts.push(`${text}${readableBytes(n('aperture.bytesSaved'))} of tables saved`);
  }
  return [['aperture', parts.join('; ')]];
}

function percent(part: number, whole: number): string {
  const value = (100 * part) / whole;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(2)} %`;
}
