import type { MapArguments } from '../base/extended-prot.ts';
import type { Driver, Format } from '../base/vocabulary.ts';

/**
 * The trace language, version 1: one JSON object a line, told apart by `op`. These types are the language; decode.ts
 * checks them, encode.ts writes them. Addresses are hex texts, sizes and counts integers below 2^53.
 */

/** @internal Version of the trace language that is read and written. */
export const LANGUAGE_VERSION = 1;

/** An address: `0x` and 1 to 16 hex digits, bytes. */
export type Hex = `0x${string}`;

/** A point in the order of things, by whatever name the trace gives it. */
export type FenceName = string | number;

/** What every event may have. */
interface EventBase {
  /** Nanoseconds at which it began, on the clock of the trace. */
  readonly ts?: number;
  /** Nanoseconds at which it ended, not before `ts`. */
  readonly end?: number;
  /** Thread that did it, as the recording calls it. */
  readonly thread?: string | number;
  /** Queue that it came from. */
  readonly queue?: string | number;
  /** Fences that it waits for before it begins, and those that are signalled when it has ended. */
  readonly waits?: readonly FenceName[];
  /** Fences that are signalled when it has ended. */
  readonly signals?: readonly FenceName[];
  /** For the reader; of no consequence. */
  readonly comment?: string;
}

interface DomainEventBase extends EventBase {
  /** May be left out when the trace has one domain. */
  readonly domain?: string;
}

/** What the trace is; the first line, if there is one. */
export interface TraceEvent extends EventBase {
  /** The operation. */
  readonly op: 'trace';
  /** Version of the trace language. */
  readonly version: 1;
  /** Where the events come from, in words. */
  readonly source?: string;
  /** A kernel version such as `6.12` or `7.1.3`. */
  readonly kernel?: string;
  /** Name of the clock of `ts` and `end`. */
  readonly clock?: string;
  /** Anything; an import leaves its notes here. */
  readonly meta?: unknown;
}

/** A half-open range of addresses. */
export interface RequiredRange {
  /** The first address. */
  readonly start: Hex;
  /** The first address behind the range. */
  readonly end: Hex;
}

/** Creates an address space. What is left out is taken from the command line, else as said here. */
export interface DomainEvent extends EventBase {
  /** The operation. */
  readonly op: 'domain';
  /** Its id, by which events name it. */
  readonly id: string;
  /** Page-table format; `ARM_64_LPAE_S1` unless it says. */
  readonly format?: Format;
  /** A list of bytes, or one bitmap in hex. */
  readonly pgsizes?: readonly number[] | Hex;
  /** Bits of an IOVA, 1 to 64; 48 unless it says. */
  readonly ias?: number;
  /** Bits of a physical address, 1 to 64; 48 unless it says. */
  readonly oas?: number;
  /** The table walker snoops the caches; true unless it says. */
  readonly coherent?: boolean;
  /** Names the engine does not know are refused by the engine, not by the reader. */
  readonly quirks?: readonly string[];
  /** Bytes of a page of the CPU; 4096 unless it says. */
  readonly cpuPageSize?: number;
  /** Whose rules it follows; `iommu` unless it says. */
  readonly driver?: Driver;
  /** It holds a hardware slot, so that changes cost hardware events; true unless it says. */
  readonly resident?: boolean;
  /** TLB flush policy, as `NAME,k=v`; `none` unless it says. */
  readonly flush?: string;
  /** Table allocator, as `NAME,k=v`; `kernel` unless it says. */
  readonly allocator?: string;
  /** Ranges of IOVAs that must be mappable. */
  readonly require?: readonly RequiredRange[];
  /** Address of the first simulated table page, and the least that one occupies. */
  readonly tableBase?: Hex;
  /** Bytes that a simulated table page occupies at least. */
  readonly tableMin?: number;
}

/** Letters (`rwcnmp`) or the integer of IOMMU_* bits. */
export type Prot = string | number;
/** What becomes of an unmap's invalidation: `queued` is left to a flush queue, `none` has no gather at all. */
export type GatherMode = 'queued' | 'none';

/** Maps take shareability, attribute index, contiguous hint and software bits beside their protection, which has them otherwise. */
export interface MapEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'map';
  /** First IOVA. */
  readonly iova: Hex;
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes. */
  readonly size: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
  /** What the recorded call returned: 0 or a negative errno of a map, the bytes that an unmap removed. */
  readonly ret?: number;
}
/** A request to the IOMMU core to unmap a range (`iommu_unmap()`). */
export interface UnmapEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'unmap';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** The leaves are invalidated later (`iommu_unmap_fast()`); left out: before it returns. */
  readonly gather?: 'queued';
  /** What the recorded call returned: bytes. */
  readonly ret?: number;
}
/** One raw map call of the engine (`map_pages()`). */
export interface MapPagesEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'map_pages';
  /** First IOVA. */
  readonly iova: Hex;
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes of a page. */
  readonly pgsize: number;
  /** Pages, at most to the end of one table. */
  readonly pgcount: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
  /** What the recorded call returned: 0 or a negative errno. */
  readonly ret?: number;
}
/** One raw unmap call of the engine (`unmap_pages()`). */
export interface UnmapPagesEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'unmap_pages';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes of a page. */
  readonly pgsize: number;
  /** Pages, at most to the end of one table. */
  readonly pgcount: number;
  /** `queued`: invalidated later; `none`: the caller gave no gather; left out: synced after the call. */
  readonly gather?: GatherMode;
  /** What the recorded call returned: bytes. */
  readonly ret?: number;
}
/** A look-up (`iova_to_phys()`). */
export interface IovaToPhysEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'iova_to_phys';
  /** The IOVA, any byte. */
  readonly iova: Hex;
  /** What the look-up is expected to give; `0x0`: unmapped, or mapped to address 0, which the kernel does not tell apart. */
  readonly paddr?: Hex;
}
/** A look-up that tells the entry of every level. */
export interface WalkEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'walk';
  /** The IOVA, any byte. */
  readonly iova: Hex;
}
/** Makes one table allocation to come fail. */
export interface FailAllocEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'fail_alloc';
  /** 1: the next table allocation fails. */
  readonly nth: number;
}
/** Makes and pins the tables of a range of IOVAs. */
export interface ReserveEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'reserve';
  /** Id of the reservation. */
  readonly id: string;
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** 1 to 3: the deepest level whose tables are made and pinned. */
  readonly depth?: number;
  /** Several address spaces in turn instead of `domain`: in all of them or in none. */
  readonly domains?: readonly string[];
}
/** `iova` and `size` come together or not at all. */
export interface UnreserveEvent extends DomainEventBase {
  /** The operation: unpin the tables, or unmap everything in the range as well. */
  readonly op: 'unreserve' | 'release';
  /** Id of the reservation. */
  readonly id: string;
  /** First IOVA of a part of it; left out: all of it. */
  readonly iova?: Hex;
  /** Bytes of that part. */
  readonly size?: number;
  /** The deepest level whose tables go, 1 to 3. */
  readonly depth?: number;
}
/** A reader under RCU: whole, with `begin` and `end`, or one of its ends, with `id` and `phase`. */
export interface RcuReadEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'rcu_read';
  /** Nanoseconds; `end` is the one that every event may have. */
  readonly begin?: number;
  /** Id of a reader that is told in two events. */
  readonly id?: string;
  /** Which of its ends this is. */
  readonly phase?: 'begin' | 'end';
  /** The address that the reader is walking to. */
  readonly iova?: Hex;
}
/** Physically contiguous memory. */
export interface Segment {
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes. */
  readonly size: number;
}
/** A buffer object: where its pages lie. */
export interface BoEvent extends EventBase {
  /** The operation. */
  readonly op: 'bo';
  /** Its id. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** Its memory, in the order of its offsets. */
  readonly segments: readonly Segment[];
  /** Bytes of the folios behind it; 4096 unless it says. */
  readonly folio?: number;
}
/** What operations of a job have in common. */
interface BindOpBase {
  /** Bytes into the buffer object; 0 unless it says. */
  readonly offset?: number;
  /** The driver's flags; of panthor 1 read only, 2 no execute, 4 uncached. */
  readonly flags?: number;
}
/** Maps a part of a buffer object. */
export interface BindMap extends BindOpBase {
  /** What it does. */
  readonly kind: 'map';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** Id of the buffer object. */
  readonly bo: string;
}
/** Unmaps a range, or maps it to nothing. */
export interface BindRange extends BindOpBase {
  /** What it does. */
  readonly kind: 'unmap' | 'map_null';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** Id of a buffer object, which the driver may look at. */
  readonly bo?: string;
}
/** Only waits and signals. */
export interface BindSync extends BindOpBase {
  /** What it does. */
  readonly kind: 'sync_only';
  /** Of no consequence. */
  readonly iova?: Hex;
  /** Of no consequence. */
  readonly size?: number;
  /** Of no consequence. */
  readonly bo?: string;
}
/** One operation of a job. */
export type BindOp = BindMap | BindRange | BindSync;
/** A VM_BIND ioctl: pages are reserved here. */
export interface BindEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'bind';
  /** Id of the job. */
  readonly job: string | number;
  /** Whether the caller waits until it has run. */
  readonly mode: 'sync' | 'async';
  /** Its operations, in order. */
  readonly ops: readonly BindOp[];
}
/** A job of a queue runs (`exec`), or gives back what it reserved and did not use (`cleanup`). */
export interface JobEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'exec' | 'cleanup';
  /** Id of the job. */
  readonly job: string | number;
}
/** Maps one physical run over and over. */
export interface RepeatEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'repeat';
  /** First IOVA. */
  readonly iova: Hex;
  /** A multiple of `length`, the bytes at `paddr` that are mapped over and over. */
  readonly size: number;
  /** First physical address of the run. */
  readonly paddr: Hex;
  /** Bytes of the run. */
  readonly length: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
}
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
/** Hardware writes through the leaf of an IOVA. */
export interface SetDirtyEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'set_dirty';
  /** The IOVA, any byte. */
  readonly iova: Hex;
}
/** Software reads the dirty state of a range. */
export interface ReadDirtyEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'read_dirty';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** And clears it. */
  readonly clear?: boolean;
}
/** Ends an address space. */
export interface DestroyEvent extends EventBase {
  /** The operation. */
  readonly op: 'destroy';
  /** Id of the address space; may be left out when the trace has one. */
  readonly domain?: string;
}

/** Any event of the trace language, told apart by `op`. */
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

/** The name of an operation: the `op` of an event. */
export type OpName = Event['op'];

/** @internal Whether an event is about no address space that was there before. */
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

/** @internal Every op, in the order of its code in a batch. The frequent ones come first. */
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

/** @internal Codes of the frequent ops, their places in OPS. */
export const OP_MAP = 0;
/** @internal */
export const OP_UNMAP = 1;
/** @internal */
export const OP_MAP_PAGES = 2;
/** @internal */
export const OP_UNMAP_PAGES = 3;
/** @internal */
export const OP_IOVA_TO_PHYS = 4;
/** @internal */
export const OP_WALK = 5;
/** @internal */
export const OP_FAIL_ALLOC = 6;
/** @internal */
export const OP_SET_DIRTY = 7;
/** @internal */
export const OP_READ_DIRTY = 8;
/** @internal */
export const OP_TRACE = 9;
/** @internal */
export const OP_DOMAIN = 10;
/** @internal */
export const OP_DESTROY = 11;
/** @internal Ops up to here live in columns alone; the others carry their event object too. */
export const LAST_COLUMN_OP = OP_READ_DIRTY;

const OP_CODES = new Map<string, number>(OPS.map((op, code) => [op, code]));

/** @internal Code of an op, -1 when there is no such op. */
export function opCode(op: string): number {
  return OP_CODES.get(op) ?? -1;
}
