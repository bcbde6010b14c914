import { grouped, readableBytes } from '../../../base/sizes.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import { percentText } from '../../allocator/strategy-figures.ts';
import { operationCount } from '../../counter-text.ts';
import { modelFacts, totalRows, traceFacts } from '../../text.ts';
import { verdictLine } from '../../verdict.ts';
import { INK, inked, text } from '../markup.ts';
import { factTable } from '../table.ts';
import type { Part } from './section.ts';

/** The verdict as a banner, what was replayed through what, and the numbers that matter. */
export function summary(document: StatsDocument): string {
  return [
    banner(document),
    `<p class="facts">${text(traceFacts(document).join(', '))}<br>${inked(modelFacts(document, INK).join(', '))}</p>\n`,
    tiles(document),
  ].join('');
}

/** True when nothing is held against the document. */
export function isOk(document: StatsDocument): boolean {
  return verdictLine(document, INK)
    .replace(/\u001b\[\d+m/g, '')
    .startsWith('ok:');
}

function banner(document: StatsDocument): string {
  return `<p class="verdict ${isOk(document) ? 'verdict-ok' : 'verdict-bad'}">${inked(verdictLine(document, INK))}</p>\n`;
}

/** Of a comparison only what all runs have in common. */
function tiles(document: StatsDocument): string {
  const { counters, strategies } = document;
  const n = (key: string): number => counters[key] ?? 0;
  const reserved = n('op.reserved');
  const one = strategies === undefined;
  const shown: (readonly [name: string, value: string, wanted: boolean])[] = [
    ['operations', grouped(operationCount(counters)), true],
    ['mapped', readableBytes(n('mapped.live')), true],
    ['mapped at most', readableBytes(n('mapped.peak')), n('mapped.peak') > 0],
    ['table memory at most', readableBytes(n('memory.occupiedPeak')), one],
    ['tables at most', grouped(n('tables.peak')), one],
    ['empty tables', grouped(n('tables.empty')), one],
    ['walk flushes', grouped(n('tlb.flushWalks')), one],
    ['gathers', grouped(n('tlb.iotlbSyncs')), one],
    [
      'pages reserved in vain',
      reserved === 0 ? '' : percentText((100 * n('op.returned')) / reserved),
      one && reserved > 0,
    ],
    [
      'requests for pages in run',
      grouped(n('alloc.callsInRun')),
      one && document.config.allocator !== 'kernel' && n('alloc.callsInRun') > 0,
    ],
  ];
  const items = shown.filter(([, , wanted]) => wanted);
  return `<dl class="tiles">\n${items.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>\n`).join('')}</dl>\n`;
}

/** The totals in the words of the text report; of a comparison the table of its runs says more. */
export function totals(document: StatsDocument): Part[] {
  if (document.strategies !== undefined) return [];
  return [{ name: 'totals', title: 'Totals', content: factTable(totalRows(document, INK), 'The whole run') }];
}
