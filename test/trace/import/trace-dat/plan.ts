import type { EventHead } from '../../../../src/trace/import/event-head.ts';
import { MAP, UNMAP } from '../binary/plans.ts';
import { type Machine, rawEvent } from '../binary/raw-events.ts';
import type { TraceDatPlan } from './build.ts';
import type { Collection } from './collect.ts';

/** An `iommu:map` of a page whose number tells it from others. */
export function map(machine: Machine, page: number, pid = 7): Buffer {
  return rawEvent(MAP, machine, { iova: page * 4096, paddr: 0x8000_0000, size: 4096 }, { pid });
}

/** A recording whose CPUs hold these ring buffers. */
export function planOf(machine: Machine, cpus: readonly Buffer[], more: Partial<TraceDatPlan> = {}): TraceDatPlan {
  return { machine, events: [MAP, UNMAP], top: { name: '', cpus }, ...more };
}

/** Numbers of the pages that were mapped, in order. */
export function pages({ events }: Pick<Collection, 'events'>): number[] {
  return events.map(({ payload }) => (payload.kind === 'iommu-map' ? payload.iova.lo / 4096 : -1));
}

/** Times as `seconds.nanoseconds`. */
export function times({ events }: Pick<Collection, 'events'>): string[] {
  return events.map(({ head }) => timeOf(head));
}

function timeOf({ seconds, nanos }: EventHead): string {
  return `${seconds}.${String(nanos).padStart(9, '0')}`;
}
