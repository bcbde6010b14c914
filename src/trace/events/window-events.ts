import type { Format } from '../../base/vocabulary.ts';
import type { EventBase, Hex } from './event-base.ts';
import type { Prot } from './mapping-events.ts';
import type { RequiredRange } from './space-events.ts';

/*
 * Events about DMA windows, registered memory and nests.
 */

/** Requests to a VFIO container of POWER, which shares its DMA windows among groups of devices. */
interface ContainerEventBase extends EventBase {
  /** `c0` unless it says. */
  readonly container?: string;
  /** Process that asks, `mm0` unless it says. */
  readonly mm?: string;
}

/** What an `attach` event can be about. */
export const ATTACH_ACTIONS = ['attach', 'detach', 'release', 'enable', 'disable', 'info', 'process', 'query'] as const;

/** What an `attach` event is about: one of ATTACH_ACTIONS. */
export type AttachAction = (typeof ATTACH_ACTIONS)[number];

/**
 * What happens to a container as a whole: a group is attached (unless `action` says otherwise) or detached, the container
 * released; version 1 is enabled or disabled; `info` asks what it offers; `process` only tells of the process. With
 * `domain` a device with reserved ranges comes to an address space, or `query` asks which IOVAs that has.
 */
export interface AttachEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'attach';
  /** What happens; `attach` unless it says. */
  readonly action?: AttachAction;
  /** Id of the group of devices; `g0` unless it says. */
  readonly group?: string;
  /** Version of the container; `v2` unless it says. */
  readonly type?: 'v1' | 'v2';
  /** Page sizes of the group's windows, and what else its platform offers. */
  readonly pgsizes?: readonly number[] | Hex;
  /** Bytes of the default window; 2 GiB unless it says. */
  readonly tce32Size?: number;
  /** Levels of tables at most; 5 unless it says. */
  readonly maxLevels?: number;
  /** Windows at most; 2 unless it says. */
  readonly maxWindows?: number;
  /** The platform can create windows; true unless it says. */
  readonly ddw?: boolean;
  /** Name of the platform; groups of different ones share no tables. */
  readonly platform?: string;
  /** Bytes that a caller of `info` has room for. */
  readonly argsz?: number;
  /** Of the process: bytes of a CPU page, bytes that it may lock, and whether that limit does not hold. */
  readonly cpuPageSize?: number;
  /** Bytes that the process may lock; no limit unless it says. */
  readonly rlimit?: number;
  /** The limit does not hold for the process. */
  readonly capIpcLock?: boolean;
  /** Id of the address space that the device comes to. */
  readonly domain?: string;
  /** IOVAs that the device cannot use. */
  readonly reserved?: readonly RequiredRange[];
}

/** A window of a container, by its shape or by what it must cover; with `domain` a window of an address space. */
export interface WindowCreateEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'window_create';
  /** log2 of the bytes of a page. */
  readonly pageShift?: number;
  /** Bytes of the window. */
  readonly size?: number;
  /** 1 unless it says. */
  readonly levels?: number;
  /** Flags of the request; none is known. */
  readonly flags?: number;
  /** Fault injection: no memory for tables, or a group that does not take them. */
  readonly fail?: 'table' | 'program';
  /** What it must cover, instead of a shape. */
  readonly require?: readonly RequiredRange[];
  /** Bytes of its pages, where `require` or `domain` is given. */
  readonly pageSize?: number;
  /** Bytes of one table at most, with `require`. */
  readonly tableLimit?: number;
  /** Id of the address space that gets it. */
  readonly domain?: string;
  /** Where it is wanted; anywhere unless it says. `fixed`: there or not at all. */
  readonly base?: Hex;
  /** At `base` or not at all. */
  readonly fixed?: boolean;
}

/** Removes a DMA window. */
export interface WindowRemoveEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'window_remove';
  /** An address in the window; of an address space the first one. */
  readonly start: Hex;
  /** Flags of the request; none is known. */
  readonly flags?: number;
  /** Id of the address space whose window it is. */
  readonly domain?: string;
}

/** Memory in pages of one size. */
export interface BackingPart {
  /** Bytes. */
  readonly size: number;
  /** Bytes of a page. */
  readonly page: number;
}

/** Pins and accounts memory of a process once, for maps to come. */
export interface RegisterEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'register';
  /** First address in the memory of the process. */
  readonly vaddr: Hex;
  /** Bytes. */
  readonly size: number;
  /** Bytes of the pages behind it: of all, or part by part. CPU pages unless it says. */
  readonly backing?: number | readonly BackingPart[];
  /** Offset of the first byte that no memory is behind. */
  readonly fault?: number;
  /** Flags of the request; none is known. */
  readonly flags?: number;
}

/** Gives registered memory back. */
export interface UnregisterEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'unregister';
  /** First address in the memory of the process. */
  readonly vaddr: Hex;
  /** Bytes. */
  readonly size: number;
  /** A teardown in two steps: between `begin` and `end` look-ups still find the region. */
  readonly phase?: 'begin' | 'end';
  /** Flags of the request; none is known. */
  readonly flags?: number;
}

/** Maps memory of the process through a DMA window. */
export interface WindowMapEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'window_map';
  /** First IOVA. */
  readonly iova: Hex;
  /** First address in the memory of the process. */
  readonly vaddr: Hex;
  /** Bytes. */
  readonly size: number;
  /** Read and write; both unless it or `flags` says. */
  readonly prot?: Prot;
  /** As VFIO has them: 1 read, 2 write. */
  readonly flags?: number;
  /** Offset in bytes of the first byte that no memory is behind. */
  readonly fault?: number;
}

/** Clears a range of a DMA window. */
export interface WindowUnmapEvent extends ContainerEventBase {
  /** The operation. */
  readonly op: 'window_unmap';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** Flags of the request; none is known. */
  readonly flags?: number;
}

/** DMA windows and pre-registration. */
export type WindowEvent =
  | AttachEvent
  | WindowCreateEvent
  | WindowRemoveEvent
  | RegisterEvent
  | UnregisterEvent
  | WindowMapEvent
  | WindowUnmapEvent;

/** An address space whose maps refer to addresses of its parent. */
export interface NestEvent extends EventBase {
  /** The operation. */
  readonly op: 'nest';
  /** Its id, by which events name it. */
  readonly id: string;
  /** Left out for `passthrough`: the registered memory of a process, under its own addresses. */
  readonly parent?: string;
  /** Whose tables: the kernel's (unless it says), the guest's own, or addresses of the process as they are. */
  readonly kind?: 'kernel' | 'user' | 'passthrough';
  /** With `passthrough`: id of the process. */
  readonly mm?: string;
  /** Who follows its maps through the parent; as the command line says unless it says. */
  readonly nesting?: 'software' | 'hardware';
  /** Windows that it begins with; given at all, even empty, nothing outside of windows can be mapped. */
  readonly windows?: readonly NestWindow[];
  /** Page-table format; `ARM_64_LPAE_S1` unless it says. */
  readonly format?: Format;
  /** Page sizes: a list of bytes, or one bitmap in hex. */
  readonly pgsizes?: readonly number[] | Hex;
  /** Bits of an IOVA, 1 to 64; 48 unless it says. */
  readonly ias?: number;
  /** Bits of a physical address, 1 to 64; 48 unless it says. */
  readonly oas?: number;
  /** The table walker snoops the caches; true unless it says. */
  readonly coherent?: boolean;
}

/** A window that a nested address space begins with. */
export interface NestWindow {
  /** Where it is wanted; anywhere unless it says. */
  readonly base?: Hex;
  /** Bytes. */
  readonly size: number;
  /** Bytes that base and size are rounded to. */
  readonly pageSize?: number;
}
