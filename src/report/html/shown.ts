import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import type { SpaceMap } from '../../stats/space-map.ts';
import type { Timeline } from '../../stats/timeline.ts';

/** Maps of a document that a page shows at most; a trace may have thousands of domains. */
const MOST_MAPS = 40;

/** What a run of a comparison is called. */
export function nameOf({ driver, allocator }: Pick<StrategyStats, 'allocator' | 'driver'>): string {
  return driver ?? allocator;
}

/** A run of a document and what it is called: one, or one for each strategy. */
export function runsOf(document: StatsDocument): readonly { readonly name: string; readonly timeline?: Timeline }[] {
  const { strategies } = document;
  if (strategies === undefined) {
    const { timeline } = document;
    return [{ name: document.config.allocator, ...(timeline === undefined ? {} : { timeline }) }];
  }
  return strategies.map((run, at) => {
    // What the first came to stands beside the strategies, too.
    const timeline = run.timeline ?? (at === 0 ? document.timeline : undefined);
    return { name: nameOf(run), ...(timeline === undefined ? {} : { timeline }) };
  });
}

/** The maps that a page shows, in their order: where there are too many those that map the most, then those with the most tables. */
export function shownMaps({ maps = [] }: StatsDocument): readonly SpaceMap[] {
  if (maps.length <= MOST_MAPS) return maps;
  const weights = maps.map((map, at) => ({ at, mapped: mappedOf(map), tables: map.tables.length + map.tablesLeftOut }));
  weights.sort((a, b) => b.mapped - a.mapped || b.tables - a.tables || a.at - b.at);
  const wanted = new Set(weights.slice(0, MOST_MAPS).map(({ at }) => at));
  return maps.filter((_, at) => wanted.has(at));
}

/** Bytes that an address space maps; of a map that does not tell, those of the leaves it shows. */
export function mappedOf({ mapped, leaves }: SpaceMap): number {
  return mapped ?? leavesBytes(leaves);
}

/** Bytes that runs of leaves map. */
export function leavesBytes(leaves: SpaceMap['leaves']): number {
  return leaves.reduce((sum, { size, unmapped }) => sum + size - (unmapped ?? 0), 0);
}
