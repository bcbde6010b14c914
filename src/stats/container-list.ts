import type { WindowEvents } from '../replay/windows/window-events.ts';
import { addressHex } from '../window/address.ts';
import type { Container } from '../window/tce/container.ts';
import type { TceWindow } from '../window/tce/window.ts';

/** A DMA window of a container at the end of a trace. */
export interface WindowStats {
  readonly start: string;
  readonly size: number;
  /** Bytes of a page. */
  readonly page: number;
  readonly levels: number;
  readonly tces: number;
  /** Table bytes that locked memory is charged with, and those that there are. */
  readonly accounted: number;
  readonly allocated: number;
}

/** A container at the end of a trace. */
export interface ContainerStats {
  readonly id: string;
  readonly version: number;
  readonly enabled: boolean;
  readonly groups: readonly string[];
  readonly windows: readonly WindowStats[];
}

/** Memory that is registered at the end of a trace. */
export interface RegionStats {
  readonly mm: string;
  readonly vaddr: string;
  readonly size: number;
  /** Registrations, and containers that list it. */
  readonly used: number;
  readonly owners: number;
  /** Bytes of the largest page of a window that it takes. */
  readonly page: number;
  /** TCEs that lead into it, and bytes of it that ever had one. */
  readonly mapped: number;
  readonly bytesEverMapped: number;
}

/** The containers and regions that are left, in the order of their making; regions by process and address. */
export function containerLists({ system }: WindowEvents): {
  readonly containers: readonly ContainerStats[];
  readonly regions: readonly RegionStats[];
} {
  const regions = [...system.mms.values()].flatMap((mm) =>
    mm.regions.map((region) => ({
      mm: mm.id,
      vaddr: addressHex(region.start),
      size: region.size,
      used: region.used,
      owners: region.owners,
      page: 2 ** region.pageShift,
      mapped: Math.min(Number.MAX_SAFE_INTEGER, region.tces),
      bytesEverMapped: region.touched.length,
    })),
  );
  return { containers: [...system.containers.values()].map(containerStats), regions };
}

function containerStats({ id, version, enabled, groups, windows }: Container): ContainerStats {
  const live = windows.filter((window) => window !== null).map((window) => windowStats(window, version));
  return { id, version, enabled, groups: groups.map((group) => group.id), windows: live };
}

function windowStats(window: TceWindow, version: number): WindowStats {
  const { base, shape, page, live, allocatedBytes } = window;
  return {
    start: addressHex(base),
    size: shape.size,
    page,
    levels: shape.levels,
    tces: live,
    accounted: version === 1 ? 0 : Math.min(Number.MAX_SAFE_INTEGER, shape.accountedBytes),
    allocated: Math.min(Number.MAX_SAFE_INTEGER, allocatedBytes),
  };
}
