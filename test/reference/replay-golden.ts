/** Replays one golden trace through the naive engine and writes result lines in the form of the golden ones. */
import { EINVAL, type Format, type Kernel } from '../../src/base/vocabulary.ts';
import { hex, NaiveEngine } from './naive-engine.ts';
import { type NaiveConfig, NaiveRefusal, naiveRegisters } from './naive-geometry.ts';
import { NaiveGather, naiveMap, naiveUnmap, naiveUnmapFast } from './naive-iommu.ts';

/** A trace event as JSON gives it; only the fields that golden sequences use. */
export interface GoldenTraceEvent {
  readonly op: string;
  readonly kernel?: string;
  readonly format?: string;
  readonly pgsizes?: string;
  readonly ias?: number;
  readonly oas?: number;
  readonly coherent?: boolean;
  readonly quirks?: readonly string[];
  readonly cpuPageSize?: number;
  readonly iova?: string;
  readonly paddr?: string;
  readonly size?: number;
  readonly pgsize?: number;
  readonly pgcount?: number;
  readonly prot?: number;
  readonly gather?: 'none' | 'queued';
  readonly clear?: boolean;
  readonly nth?: number;
}

export type ResultLine = Record<string, unknown>;

export function goldenConfig(event: GoldenTraceEvent, kernel: Kernel): NaiveConfig {
  return {
    format: event.format as Format,
    pgsizes: BigInt(event.pgsizes!),
    ias: event.ias!,
    oas: event.oas!,
    coherent: event.coherent!,
    quirks: event.quirks!,
    cpuPageSize: event.cpuPageSize!,
    kernel,
  };
}

function domainLine(engine: NaiveEngine): ResultLine {
  const { geometry, config, root } = engine;
  return {
    ret: 0,
    startLevel: geometry.startLevel,
    pgdBits: geometry.pgdBits,
    bitsPerLevel: geometry.bitsPerLevel,
    pgdSize: 8 << geometry.pgdBits,
    granule: Number(engine.granule),
    pgsizes: hex(geometry.pgsizes),
    ias: geometry.ias,
    oas: geometry.oas,
    ...naiveRegisters(config, geometry, root.pa),
  };
}

function lookUp(engine: NaiveEngine, event: GoldenTraceEvent): ResultLine {
  const iova = BigInt(event.iova!);
  if (event.op === 'iova_to_phys') return { paddr: hex(engine.iovaToPhys(iova) ?? 0n) };
  if (event.op === 'set_dirty') return { changed: engine.setDirty(iova) };
  if (event.op === 'read_dirty') {
    const { ret, records } = engine.readDirty(iova, BigInt(event.size!), event.clear!);
    return { ret, records: records.map(([at, size]) => [hex(at), Number(size)]) };
  }
  const { ptes, leaf } = engine.walk(iova);
  return { ptes: ptes.map((pte) => (pte === null ? null : hex(pte))), leaf };
}

function change(engine: NaiveEngine, event: GoldenTraceEvent): ResultLine {
  const before = { ...engine.counters };
  engine.events = [];
  const answer: ResultLine = {};
  const iova = BigInt(event.iova!);
  let ownGather: NaiveGather | null = null;
  if (event.op === 'map') {
    answer['ret'] = naiveMap(engine, iova, BigInt(event.paddr!), BigInt(event.size!), event.prot!);
  } else if (event.op === 'unmap') {
    const size = BigInt(event.size!);
    const done =
      event.gather === 'queued'
        ? naiveUnmapFast(engine, iova, size, new NaiveGather(engine, true))
        : naiveUnmap(engine, iova, size);
    answer['unmapped'] = Number(done);
  } else if (event.op === 'map_pages') {
    const [pgsize, count] = [BigInt(event.pgsize!), BigInt(event.pgcount!)];
    const { ret, mapped } = engine.mapPages(iova, BigInt(event.paddr!), pgsize, count, event.prot!);
    answer['ret'] = ret;
    answer['mapped'] = Number(mapped);
  } else if (event.op === 'unmap_pages') {
    if (event.gather !== 'none') ownGather = new NaiveGather(engine, event.gather === 'queued');
    answer['unmapped'] = Number(engine.unmapPages(iova, BigInt(event.pgsize!), BigInt(event.pgcount!), ownGather));
  } else {
    throw new Error(`no such operation in a golden sequence: ${event.op}`);
  }
  const after = engine.counters;
  for (const name of ['allocs', 'frees', 'ptSyncs', 'warns', 'flushWalks', 'addPages'] as const) {
    answer[name] = after[name] - before[name];
  }
  if (!event.op.endsWith('_pages')) answer['iotlbSyncs'] = after.iotlbSyncs - before.iotlbSyncs;
  if (after.pgdOverruns > before.pgdOverruns) answer['pgdOverrun'] = true;
  if (engine.events.length > 0) answer['events'] = [...engine.events];
  if (event.gather === undefined) ownGather?.sync();
  return answer;
}

function finalLine(engine: NaiveEngine): ResultLine {
  const { counters } = engine;
  const entries = engine.dump();
  const final = {
    entries: entries.length,
    tables_live: counters.allocs - counters.frees,
    tables_peak: counters.peak,
    allocs: counters.allocs,
    frees: counters.frees,
    dma_syncs: counters.ptSyncs,
    flush_walks: counters.flushWalks,
    add_pages: counters.addPages,
    warns: counters.warns - counters.partialRefusals,
  };
  const dump = entries.map(({ level, table, index, iova, pte }) => ({
    level,
    table: hex(table),
    index,
    iova: hex(iova),
    pte: hex(pte),
  }));
  return { final, teardownFrees: engine.destroy(), dump };
}

/** One line per event after the `trace` line, then the final counters and the dump (none when the domain is refused). */
export function replayGolden(events: readonly GoldenTraceEvent[]): ResultLine[] {
  const lines: ResultLine[] = [];
  let kernel: Kernel = '7.1';
  let engine: NaiveEngine | null = null;
  for (const [seq, event] of events.entries()) {
    const head = { seq, op: event.op };
    if (event.op === 'trace') {
      kernel = event.kernel as Kernel;
    } else if (event.op === 'domain') {
      try {
        engine = new NaiveEngine(goldenConfig(event, kernel));
        lines.push({ ...head, ...domainLine(engine) });
      } catch (error) {
        if (!(error instanceof NaiveRefusal)) throw error;
        lines.push({ ...head, ret: -EINVAL, warns: error.warns });
      }
    } else if (engine === null) {
      throw new Error(`line ${seq + 1}: no domain`);
    } else if (event.op === 'fail_alloc') {
      engine.failAlloc(event.nth!);
      lines.push(head);
    } else if (['iova_to_phys', 'walk', 'set_dirty', 'read_dirty'].includes(event.op)) {
      lines.push({ ...head, ...lookUp(engine, event) });
    } else {
      lines.push({ ...head, ...change(engine, event) });
    }
  }
  if (engine !== null) lines.push(finalLine(engine));
  return lines;
}
