import type { MapArguments } from '../base/extended-prot.ts';
import type { Driver, Format } from '../base/vocabulary.ts';

/**
 * The trace language, version 1: one JSON object a line, told apart by `op`. These types are the language; decode.ts
 * checks them, encode.ts writes them. Addresses are hex texts, sizes and counts integers below 2^53.
 */

export const LANGUAGE_VERSION = 1;

export type Hex = `0x${string}`;

/** A point in the order of things, by whatever name the trace gives it. */
export type FenceName = string | number;

interface EventBase {
  /** Nanoseconds at which it began, on the clock of the trace. */
  readonly ts?: number;
  /** Nanoseconds at which it ended, not before `ts`. */
  readonly end?: number;
  readonly thread?: string | number;
  readonly queue?: string | number;
  /** Fences that it waits for before it begins, and those that are signalled when it has ended. */
  readonly waits?: readonly FenceName[];
  readonly signals?: readonly FenceName[];
  readonly comment?: string;
}

interface DomainEventBase extends EventBase {
  /** May be left out when the trace has one domain. */
  readonly domain?: string;
}

export interface TraceEvent extends EventBase {
  readonly op: 'trace';
  readonly version: 1;
  readonly source?: string;
  /** A kernel version such as `6.12` or `7.1.3`. */
  readonly kernel?: string;
  readonly clock?: string;
  readonly meta?: unknown;
}

/** A half-open range of addresses. */
export interface RequiredRange {
  readonly start: Hex;
  readonly end: Hex;
}

export interface DomainEvent extends EventBase {
  readonly op: 'domain';
  readonly id: string;
  readonly format?: Format;
  /** A list of bytes, or one bitmap in hex. */
  readonly pgsizes?: readonly number[] | Hex;
  readonly ias?: number;
  readonly oas?: number;
  readonly coherent?: boolean;
  /** Names the engine does not know are refused by the engine, not by the reader. */
  readonly quirks?: readonly string[];
  readonly cpuPageSize?: number;
  readonly driver?: Driver;
  readonly resident?: boolean;
  readonly flush?: string;
  readonly allocator?: string;
  readonly require?: readonly RequiredRange[];
  /** Address of the first simulated table page, and the least that one occupies. */
  readonly tableBase?: Hex;
  readonly tableMin?: number;
}

/** Letters (`rwcnmp`) or the integer of IOMMU_* bits. */
export type Prot = string | number;
export type GatherMode = 'queued' | 'none';

/** Maps take shareability, attribute index, contiguous hint and software bits beside their protection, which has them otherwise. */
export interface MapEvent extends DomainEventBase, MapArguments {
  readonly op: 'map';
  readonly iova: Hex;
  readonly paddr: Hex;
  readonly size: number;
  readonly prot?: Prot;
  /** What the recorded call returned: 0 or a negative errno of a map, the bytes that an unmap removed. */
  readonly ret?: number;
}
export interface UnmapEvent extends DomainEventBase {
  readonly op: 'unmap';
  readonly iova: Hex;
  readonly size: number;
  readonly gather?: 'queued';
  readonly ret?: number;
}
export interface MapPagesEvent extends DomainEventBase, MapArguments {
  readonly op: 'map_pages';
  readonly iova: Hex;
  readonly paddr: Hex;
  readonly pgsize: number;
  readonly pgcount: number;
  readonly prot?: Prot;
  readonly ret?: number;
}
export interface UnmapPagesEvent extends DomainEventBase {
  readonly op: 'unmap_pages';
  readonly iova: Hex;
  readonly pgsize: number;
  readonly pgcount: number;
  readonly gather?: GatherMode;
  readonly ret?: number;
}
export interface IovaToPhysEvent extends DomainEventBase {
  readonly op: 'iova_to_phys';
  readonly iova: Hex;
  /** What the look-up is expected to give; `0x0`: unmapped, or mapped to address 0, which the kernel does not tell apart. */
  readonly paddr?: Hex;
}
export interface WalkEvent extends DomainEventBase {
  readonly op: 'walk';
  readonly iova: Hex;
}
export interface FailAllocEvent extends DomainEventBase {
  readonly op: 'fail_alloc';
  /** 1: the next table allocation fails. */
  readonly nth: number;
}
export interface ReserveEvent extends DomainEventBase {
  readonly op: 'reserve';
  readonly id: string;
  readonly iova: Hex;
  readonly size: number;
  /** 1 to 3: the deepest level whose tables are made and pinned. */
  readonly depth?: number;
  /** Several address spaces in turn instead of `domain`: in all of them or in none. */
  readonly domains?: readonly string[];
}
/** `iova` and `size` come together or not at all. */
export interface UnreserveEvent extends DomainEventBase {
  readonly op: 'unreserve' | 'release';
  readonly id: string;
  readonly iova?: Hex;
  readonly size?: number;
  readonly depth?: number;
}
/** A reader under RCU: whole, with `begin` and `end`, or one of its ends, with `id` and `phase`. */
export interface RcuReadEvent extends DomainEventBase {
  readonly op: 'rcu_read';
  /** Nanoseconds; `end` is the one that every event may have. */
  readonly begin?: number;
  readonly id?: string;
  readonly phase?: 'begin' | 'end';
  /** The address that the reader is walking to. */
  readonly iova?: Hex;
}
export interface Segment {
  readonly paddr: Hex;
  readonly size: number;
}
export interface BoEvent extends EventBase {
  readonly op: 'bo';
  readonly id: string;
  readonly size: number;
  readonly segments: readonly Segment[];
  readonly folio?: number;
}
interface BindOpBase {
  readonly offset?: number;
  readonly flags?: number;
}
export interface BindMap extends BindOpBase {
  readonly kind: 'map';
  readonly iova: Hex;
  readonly size: number;
  readonly bo: string;
}
export interface BindRange extends BindOpBase {
  readonly kind: 'unmap' | 'map_null';
  readonly iova: Hex;
  readonly size: number;
  readonly bo?: string;
}
export interface BindSync extends BindOpBase {
  readonly kind: 'sync_only';
  readonly iova?: Hex;
  readonly size?: number;
  readonly bo?: string;
}
export type BindOp = BindMap | BindRange | BindSync;
export interface BindEvent extends DomainEventBase {
  readonly op: 'bind';
  readonly job: string | number;
  readonly mode: 'sync' | 'async';
  readonly ops: readonly BindOp[];
}
export interface JobEvent extends DomainEventBase {
  readonly op: 'exec' | 'cleanup';
  readonly job: string | number;
}
export interface RepeatEvent extends DomainEventBase, MapArguments {
  readonly op: 'repeat';
  readonly iova: Hex;
  /** A multiple of `length`, the bytes at `paddr` that are mapped over and over. */
  readonly size: number;
  readonly paddr: Hex;
  readonly length: number;
  readonly prot?: Prot;
}
/** Requests to a VFIO container of POWER, which shares its DMA windows among groups of devices. */
interface ContainerEventBase extends EventBase {
  /** `c0` unless it says. */
  readonly container?: string;
  /** Process that asks, `mm0` unless it says. */
  readonly mm?: string;
}
export const ATTACH_ACTIONS = ['attach', 'detach', 'release', 'enable', 'disable', 'info', 'process', 'query'] as const;
export type AttachAction = (typeof ATTACH_ACTIONS)[number];
/**
 * What happens to a container as a whole: a group is attached (unless `action` says otherwise) or detached, the container
 * released; version 1 is enabled or disabled; `info` asks what it offers; `process` only tells of the process. With
 * `domain` a device with reserved ranges comes to an address space, or `query` asks which IOVAs that has.
 */
export interface AttachEvent extends ContainerEventBase {
  readonly op: 'attach';
  readonly action?: AttachAction;
  readonly group?: string;
  readonly type?: 'v1' | 'v2';
  /** Page sizes of the group's windows, and what else its platform offers. */
  readonly pgsizes?: readonly number[] | Hex;
  readonly tce32Size?: number;
  readonly maxLevels?: number;
  readonly maxWindows?: number;
  readonly ddw?: boolean;
  readonly platform?: string;
  /** Bytes that a caller of `info` has room for. */
  readonly argsz?: number;
  /** Of the process: bytes of a CPU page, bytes that it may lock, and whether that limit does not hold. */
  readonly cpuPageSize?: number;
  readonly rlimit?: number;
  readonly capIpcLock?: boolean;
  readonly domain?: string;
  readonly reserved?: readonly RequiredRange[];
}
/** A window of a container, by its shape or by what it must cover; with `domain` a window of an address space. */
export interface WindowCreateEvent extends ContainerEventBase {
  readonly op: 'window_create';
  readonly pageShift?: number;
  readonly size?: number;
  /** 1 unless it says. */
  readonly levels?: number;
  readonly flags?: number;
  /** Fault injection: no memory for tables, or a group that does not take them. */
  readonly fail?: 'table' | 'program';
  readonly require?: readonly RequiredRange[];
  /** Bytes of its pages, where `require` or `domain` is given. */
  readonly pageSize?: number;
  /** Bytes of one table at most, with `require`. */
  readonly tableLimit?: number;
  readonly domain?: string;
  /** Where it is wanted; anywhere unless it says. `fixed`: there or not at all. */
  readonly base?: Hex;
  readonly fixed?: boolean;
}
export interface WindowRemoveEvent extends ContainerEventBase {
  readonly op: 'window_remove';
  /** An address in the window; of an address space the first one. */
  readonly start: Hex;
  readonly flags?: number;
  readonly domain?: string;
}
/** Memory in pages of one size. */
export interface BackingPart {
  readonly size: number;
  readonly page: number;
}
export interface RegisterEvent extends ContainerEventBase {
  readonly op: 'register';
  readonly vaddr: Hex;
  readonly size: number;
  /** Bytes of the pages behind it: of all, or part by part. CPU pages unless it says. */
  readonly backing?: number | readonly BackingPart[];
  /** Offset of the first byte that no memory is behind. */
  readonly fault?: number;
  readonly flags?: number;
}
export interface UnregisterEvent extends ContainerEventBase {
  readonly op: 'unregister';
  readonly vaddr: Hex;
  readonly size: number;
  /** A teardown in two steps: between `begin` and `end` look-ups still find the region. */
  readonly phase?: 'begin' | 'end';
  readonly flags?: number;
}
export interface WindowMapEvent extends ContainerEventBase {
  readonly op: 'window_map';
  readonly iova: Hex;
  readonly vaddr: Hex;
  readonly size: number;
  /** Read and write; both unless it or `flags` says. */
  readonly prot?: Prot;
  /** As VFIO has them: 1 read, 2 write. */
  readonly flags?: number;
  readonly fault?: number;
}
export interface WindowUnmapEvent extends ContainerEventBase {
  readonly op: 'window_unmap';
  readonly iova: Hex;
  readonly size: number;
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
  readonly op: 'nest';
  readonly id: string;
  /** Left out for `passthrough`: the registered memory of a process, under its own addresses. */
  readonly parent?: string;
  readonly kind?: 'kernel' | 'user' | 'passthrough';
  readonly mm?: string;
  readonly nesting?: 'software' | 'hardware';
  /** Windows that it begins with; given at all, even empty, nothing outside of windows can be mapped. */
  readonly windows?: readonly NestWindow[];
  readonly format?: Format;
  readonly pgsizes?: readonly number[] | Hex;
  readonly ias?: number;
  readonly oas?: number;
  readonly coherent?: boolean;
}
export interface NestWindow {
  readonly base?: Hex;
  readonly size: number;
  readonly pageSize?: number;
}
export interface SetDirtyEvent extends DomainEventBase {
  readonly op: 'set_dirty';
  readonly iova: Hex;
}
export interface ReadDirtyEvent extends DomainEventBase {
  readonly op: 'read_dirty';
  readonly iova: Hex;
  readonly size: number;
  readonly clear?: boolean;
}
export interface DestroyEvent extends EventBase {
  readonly op: 'destroy';
  readonly domain?: string;
}

export type Event =
  | TraceEvent
  | DomainEvent
  | MapEvent
  | UnmapEvent
  | MapPagesEvent
  | UnmapPagesEvent
  | IovaToPhysEvent
  | WalkEvent
  | FailAllocEvent
  | ReserveEvent
  | UnreserveEvent
  | RcuReadEvent
  | BoEvent
  | BindEvent
  | JobEvent
  | RepeatEvent
  | WindowEvent
  | NestEvent
  | SetDirtyEvent
  | ReadDirtyEvent
  | DestroyEvent;

export type OpName = Event['op'];

/** Whether an event is about no address space that was there before. */
export function aboutNoSpace(
  event: Event,
): event is TraceEvent | DomainEvent | BoEvent | RcuReadEvent | NestEvent | WindowEvent {
  switch (event.op) {
    case 'trace':
    case 'domain':
    case 'bo':
    case 'rcu_read':
    case 'nest':
    case 'attach':
    case 'window_create':
    case 'window_remove':
    case 'register':
    case 'unregister':
    case 'window_map':
    case 'window_unmap':
      return true;
    default:
      return false;
  }
}

/** Every op, in the order of its code in a batch. The frequent ones come first. */
export const OPS = [
  'map',
  'unmap',
  'map_pages',
  'unmap_pages',
  'iova_to_phys',
  'walk',
  'fail_alloc',
  'set_dirty',
  'read_dirty',
  'trace',
  'domain',
  'destroy',
  'reserve',
  'unreserve',
  'release',
  'rcu_read',
  'bo',
  'bind',
  'exec',
  'cleanup',
  'repeat',
  'window_create',
  'window_remove',
  'register',
  'unregister',
  'window_map',
  'window_unmap',
  'attach',
  'nest',
] as const satisfies readonly OpName[];

export const OP_MAP = 0;
export const OP_UNMAP = 1;
export const OP_MAP_PAGES = 2;
export const OP_UNMAP_PAGES = 3;
export const OP_IOVA_TO_PHYS = 4;
export const OP_WALK = 5;
export const OP_FAIL_ALLOC = 6;
export const OP_SET_DIRTY = 7;
export const OP_READ_DIRTY = 8;
export const OP_TRACE = 9;
export const OP_DOMAIN = 10;
export const OP_DESTROY = 11;
/** Ops up to here live in columns alone; the others carry their event object too. */
export const LAST_COLUMN_OP = OP_READ_DIRTY;

const OP_CODES = new Map<string, number>(OPS.map((op, code) => [op, code]));

/** Code of an op, -1 when there is no such op. */
export function opCode(op: string): number {
  return OP_CODES.get(op) ?? -1;
}
