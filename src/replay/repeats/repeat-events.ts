import { DEMAND_TABLES, Demand } from '../../allocator/demand.ts';
import { packArguments } from '../../base/extended-prot.ts';
import { hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import { ENOMEM, PROT_DEFAULT } from '../../base/vocabulary.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import {
  type RepeatOutcome,
  type RepeatRequest,
  repeatError,
  repeatPlainly,
  repeatWithSharing,
} from '../../iommu/repeat.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import { offsetOf, spanInRange } from '../../lpae/offsets.ts';
import { meetsPins } from '../../lpae/sharing/repeat.ts';
import { repeatTables } from '../../lpae/sharing/table-counts.ts';
import { type Batch, NONE } from '../../trace/batch.ts';
import { protOf } from '../../trace/batch-writer.ts';
import type { RepeatEvent } from '../../trace/events.ts';
import { NO_TICKET } from '../queue/tickets.ts';
import { checkOverlap } from '../ranges/context-check.ts';
import type { Watch } from '../ranges/watch.ts';
import type { Findings } from '../results/findings.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { RecordedSpace } from '../spaces/recorded-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { RepeatOptions } from './options.ts';
import { RepeatTally } from './repeat-tally.ts';

/** What repeat mappings need of the replay around them. */
export interface RepeatParts {
  readonly directory: SpaceDirectory;
  readonly watch: Watch;
  readonly results: ResultLines | null;
  readonly findings: Findings;
}

const NOTHING: RepeatOutcome = { ret: 0, mapped: 0, written: 0 };

/** `repeat`: one physical run mapped over and over. */
export class RepeatEvents {
  readonly #options: RepeatOptions;
  readonly #parts: RepeatParts;

  constructor(options: RepeatOptions, parts: RepeatParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Carries out the event at `i`, in an address space that takes operations. */
  repeat(event: RepeatEvent, space: AddressSpace, domain: IommuDomain, batch: Batch, i: number, seq: number): void {
    const { directory, watch, results, findings } = this.#parts;
    if (space.gpu !== null) {
      const id = JSON.stringify(space.id);
      throw directory.error(
        batch,
        i,
        `domain ${id} follows the rules of ${space.driver}, which maps what binds ask for; repeat needs a domain of driver "iommu"`,
      );
    }
    const line = batch.line[i];
    results?.begin(space, batch.domain[i] !== NONE);
    checkOverlap(space, batch, i, seq, findings);
    watch.overlapping(space, batch, i, seq);
    // Where ranges are mapped that no return tells of, nothing can be held against a recording.
    space.recorded ??= new RecordedSpace(true);
    const request = requestOf(event);
    const { iovaHi, iovaLo, size } = request;
    const shares = this.#options.tables === 'shared' && domain.shares;
    const pinned = shares && meetsPins(domain.table, iovaHi, iovaLo, size);
    const shared = shares && !pinned;
    const ticket = this.#submit(space, domain, request, shared, seq, line);
    if (space.ranges !== null) {
      space.beginWatched();
      watch.beforeMap(space);
    }
    space.observers?.beganPart(space, 'map', iovaHi * TWO_32 + iovaLo, size, seq, line);
    const outcome =
      ticket === NO_TICKET || space.begin(ticket)
        ? this.#carryOut(domain, request, shared)
        : { ...NOTHING, ret: -ENOMEM };
    if (ticket !== NO_TICKET) space.end(ticket);
    const { ret, mapped, written } = outcome;
    space.observers?.ended(space, ret, ret === 0 ? mapped : 0);
    if (space.ranges !== null) watch.afterMap(space, iovaHi, iovaLo, size, ret);
    if (space.violations.length > 0) watch.allocator(space);
    if (ret !== 0) space.failed(ret);
    const repeats = ret === 0 && size > 0 ? size / request.length : 0;
    this.#count(space, outcome, repeats, shared, pinned);
    const leaked = ret === 0 ? 0 : mapped;
    if (leaked > 0) {
      const message = `the repeat mapping failed with ${leaked} bytes of it left mapped (--repeat-unwind posted)`;
      findings.broken('repeat-leak', space.id, seq, line, iovaHi, iovaLo, leaked, message);
    }
    results?.counted(
      seq,
      'repeat',
      space,
      `,"ret":${ret},"mapped":${ret === 0 ? mapped : 0},"repeats":${repeats},"shared":${shared},"written":${written}` +
        `${leaked > 0 ? `,"leaked":${leaked}` : ''}${domain.pgdOverrun ? ',"pgdOverrun":true' : ''}${space.usageFields(ticket)}`,
    );
    if (ticket !== NO_TICKET) space.cleanup(ticket);
  }

  #carryOut(domain: IommuDomain, request: RepeatRequest, shared: boolean): RepeatOutcome {
    const error = repeatError(domain, request);
    if (error !== 0) return { ...NOTHING, ret: error };
    const { unwind, cowReserve } = this.#options;
    return shared ? repeatWithSharing(domain, request, cowReserve) : repeatPlainly(domain, request, unwind);
  }

  #count(
    space: AddressSpace,
    { ret, mapped, written }: RepeatOutcome,
    repeats: number,
    shared: boolean,
    pinned: boolean,
  ): void {
    space.repeats ??= new RepeatTally();
    const tally = space.repeats;
    tally.written += written;
    tally.repetitions += repeats;
    if (ret === 0) tally.bytes += mapped;
    else tally.leaked += mapped;
    if (shared) tally.shared++;
    if (pinned) tally.plainForPins++;
  }

  /** Announces the tables of a repeat mapping where operations are announced; a ticket, REFUSED, or NO_TICKET. */
  #submit(
    space: AddressSpace,
    domain: IommuDomain,
    request: RepeatRequest,
    shared: boolean,
    seq: number,
    line: number,
  ): number {
    if (!space.announced) return NO_TICKET;
    space.tick();
    const demand = new Demand();
    const { iovaHi, iovaLo, size, length } = request;
    demand.set(DEMAND_TABLES, iovaHi, iovaLo, size, seq, line);
    const { table } = domain;
    if (repeatError(domain, request) === 0 && size > 0 && spanInRange(table, iovaHi, iovaLo, size)) {
      const start = offsetOf(table, iovaHi, iovaLo);
      const levels = repeatTables(table, start, start + size, length);
      demand.pages = levels.reduce((sum, level) => sum + (shared ? level.shared : level.plain), 0);
      if (shared && this.#options.cowReserve) demand.pages += 2 * (LAST_LEVEL - table.startLevel);
    }
    return space.submit([demand]);
  }
}

function requestOf(event: RepeatEvent): RepeatRequest {
  const prot = event.prot === undefined ? PROT_DEFAULT : protOf(event.prot);
  return {
    iovaHi: hexHi(event.iova),
    iovaLo: hexLo(event.iova),
    size: event.size,
    paddrHi: hexHi(event.paddr),
    paddrLo: hexLo(event.paddr),
    length: event.length,
    prot: prot | packArguments(event),
  };
}
