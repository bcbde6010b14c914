import type { WindowEvents } from '../replay/windows/window-events.ts';
import { addressHex } from '../window/address.ts';
import type { Container } from '../window/tce/container.ts';
import type { TceWindow } from '../window/tce/window.ts';

/** A DMA window of a container at the end of a trace. */
export interface WindowStats {
  /** First bus address, in hex. */
  readonly start: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes of a page. */
  readonly page: number;
  /** Levels of its table. */
  readonly levels: number;
  /** TCEs in use. */
  readonly tces: number;
  /** Table bytes that locked memory is charged with. */
  readonly accounted: number;
  /** Table bytes that there are. */
  readonly allocated: number;
}

/** A container at the end of a trace. */
export interface ContainerStats {
  /** Its id in the trace. */
  readonly id: string;
  /** Version of its interface: 1 or 2. */
  readonly version: number;
  /** Maps can be made. */
  readonly enabled: boolean;
  /** Its groups of devices. */
  readonly groups: readonly string[];
  /** Its DMA windows. */
  readonly windows: readonly WindowStats[];
}

/** Memory that is registered at the end of a trace. */
export interface RegionStats {
  /** The process whose memory it is. */
  readonly mm: string;
  /** First address in the process, in hex. */
  readonly vaddr: string;
  /** Bytes. */
  readonly size: number;
  /** Registrations of it. */
  readonly used: number;
  /** Containers that list it. */
  readonly owners: number;
  /** Bytes of the largest page of a window that it takes. */
  readonly page: number;
  /** TCEs that lead into it, or 4K pages of children that do. */
  readonly mapped: number;
  /** Bytes of it that ever had one. */
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
