import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { hardwareText } from './hardware-words.ts';

/** Lines of the summary about binds and what a GPU driver made of them; nothing without binds. */
export function gpuRows({ counters }: StatsDocument, ink: ChalkInstance): [string, string][] {
  const n = (key: string): number => counters[key] ?? 0;
  if (n('bind.jobs') === 0) return [];
  const rows: [string, string][] = [
    [
      'binds',
      `${ink.bold(grouped(n('bind.jobs')))} ${n('bind.jobs') === 1 ? 'job' : 'jobs'} (${grouped(n('bind.async'))} asynchronous), ${plural(n('bind.maps'), 'map')}, ${plural(n('bind.unmaps'), 'unmap')}; steps: ${grouped(n('bind.steps.map'))} map, ${grouped(n('bind.steps.unmap'))} unmap, ${grouped(n('bind.steps.remap'))} remap${keptText(n('bind.steps.kept'))}`,
    ],
    [
      'VMAs',
      `${ink.bold(grouped(n('vmas.peak')))} peak, ${grouped(n('vmas.live'))} live; ${grouped(n('vmas.preallocated'))} held ready, ${grouped(n('vmas.used'))} used`,
    ],
    ['hardware', `${hardwareText(counters)}${lockedText(counters)}${ignoredText(n('gpu.ignoredWalkFlushes'))}`],
  ];
  const widened = n('bind.widened');
  if (widened > 0) {
    const needless = n('bind.widenedNeedlessly');
    const text = `${plural(widened, 'hole')} unmapped to the borders of huge pages, ${readableBytes(n('bind.bytesRemapped'))} mapped anew`;
    rows.push([
      'widened',
      needless === 0 ? text : `${text}; ${ink.yellow(`${grouped(needless)} needlessly: no block was there`)}`,
    ]);
  }
  const each = n('bind.need.each');
  if (n('bind.need.sorted') < each) {
    rows.push([
      'merging',
      `worst case of the maps: ${grouped(each)} tables each for itself, ${grouped(n('bind.need.merged'))} merged as they come, ${grouped(n('bind.need.sorted'))} merged in the order of addresses`,
    ]);
  }
  const late = [...lateTexts(counters)];
  if (late.length > 0) rows.push(['queue', late.join('; ')]);
  const tables: string[] = [];
  if (n('bind.tablesRecreated') > 0)
    tables.push(`${plural(n('bind.tablesRecreated'), 'table')} freed by an unmap and made again by a map`);
  if (n('bind.takenAndFreed') > 0)
    tables.push(`${plural(n('bind.takenAndFreed'), 'page')} taken while the same operation freed as many`);
  if (tables.length > 0) rows.push(['churn', tables.join('; ')]);
  return rows;
}

function keptText(kept: number): string {
  return kept === 0 ? '' : ` (${grouped(kept)} in place)`;
}

function lockedText(counters: StatsDocument['counters']): string {
  const locked = counters['gpu.bytesLocked'] ?? 0;
  if (locked === 0) return '';
  return `; ${readableBytes(locked)} locked or invalidated for ${readableBytes(counters['gpu.bytesChanged'] ?? 0)} changed`;
}

function ignoredText(ignored: number): string {
  return ignored === 0 ? '' : `; ${plural(ignored, 'walk flush', 'walk flushes')} of the engine ignored`;
}

function* lateTexts(counters: StatsDocument['counters']): Iterable<string> {
  const n = (key: string): number => counters[key] ?? 0;
  if (n('bind.blocked') > 0) {
    yield `${plural(n('bind.blocked'), 'submission')} held back by the throttle, for ${plural(n('bind.blockedOps'), 'operation')} in all`;
  }
  if (n('bind.overtakes') > 0) {
    yield `${plural(n('bind.overtakes'), 'synchronous operation')} overtook asynchronous ones, ${grouped(n('bind.overtakesMet'))} on the same range`;
  }
  const misfits = n('bind.estimates.short') + n('bind.estimates.over');
  if (misfits > 0) {
    yield `tables missing at submission no longer fit at execution for ${grouped(misfits)} of ${grouped(n('bind.estimates'))}: ${grouped(n('bind.estimates.short'))} too few, ${grouped(n('bind.estimates.over'))} too many`;
  }
}
