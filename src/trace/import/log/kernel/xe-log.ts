import { type Address, hex64, TWO_32 } from '../../../../base/u64.ts';
import type { BindOp, Hex } from '../../../events.ts';
import type { Payload } from '../../payload.ts';
import { hexAddress } from '../../text/hex-address.ts';
import { NOTHING, type Reading, readingOf, unreadableFrom } from '../line-reader.ts';
import { hexCount } from '../log-numbers.ts';

/*
 * What xe prints of VM_BIND when built with CONFIG_DRM_XE_DEBUG_VM: one message for what the ioctl asks
 * (xe_vm.c:vm_bind_ioctl_ops_create), then one for each step that DRM GPUVM makes of it (xe_vm.c:print_op). The first is the
 * operation; the steps are the driver's own work, which a replay does itself.
 */

/** DRM_XE_VM_BIND_OP_*. */
const OP_MAP = 0;
const OP_UNMAP = 1;
const OP_MAP_USERPTR = 2;
const OP_UNMAP_ALL = 3;
const OP_PREFETCH = 4;

const MARK = ', range=0x';
const IOCTL =
  /\bop=(\d{1,3}), addr=0x([\da-f]{1,16}), range=0x([\da-f]{1,16}), bo_offset_or_userptr=0x([\da-f]{1,16})$/;
const IOCTL_START = /\bop=\d{1,3}, addr=0x/;
const UNMAP_STEP = /\s(UNMAP: addr=0x([\da-f]{1,16}), range=0x([\da-f]{1,16})(?:, keep=\d)?)$/;
const DEVICE = /(?:^|\s)xe ([\w.:-]{1,40}): /;
const LONGEST = 512;

/** No physical address that is made up has more than 46 bits. */
const MEMORY = 2 ** 46;
/** Sizes of pages, the largest first: a mapping lies in memory as it does in the address space, modulo these. */
const LARGEST_PAGE = 2 ** 30;

/** Turns the messages of xe into binds, on an address space for each device. */
export class XeLog {
  readonly #declared = new Set<string>();
  /** The layout that a device's object was declared with last. */
  readonly #layouts = new Map<string, string>();
  /** Where all maps of an object are being taken away: the steps are the only ones who say which. */
  readonly #unmappingAll = new Set<string>();
  #jobs = 0;
  /** What the binds leave out, null before the first. */
  note: string | null = null;

  /** What such a message says, printed by `thread`; null for any other. */
  read(message: string, thread: string): Reading | null {
    if (message.length > LONGEST || !message.includes(MARK)) return null;
    const text = message.trimEnd();
    const device = DEVICE.exec(text)?.[1] ?? 'xe';
    const place = `${device} ${thread}`;
    const ioctl = IOCTL.exec(text);
    if (ioctl !== null) return this.#ioctl(ioctl, device, place);
    if (!text.includes('[xe]') && !text.includes('xe ')) return null;
    const start = IOCTL_START.exec(text);
    if (start !== null) return unreadableFrom(start.index);
    if (!this.#unmappingAll.has(place)) return NOTHING;
    const step = UNMAP_STEP.exec(text);
    if (step === null) return NOTHING;
    return this.#unmap(device, step[2], step[3]) ?? unreadableFrom(text.length - step[1].length);
  }

  #ioctl(match: RegExpExecArray, device: string, place: string): Reading {
    const op = Number(match[1]);
    this.#unmappingAll.delete(place);
    let reading: Reading | null = null;
    if (op === OP_MAP || op === OP_MAP_USERPTR) reading = this.#map(device, match[2], match[3]);
    else if (op === OP_UNMAP) reading = this.#unmap(device, match[2], match[3]);
    else if (op === OP_PREFETCH) reading = NOTHING;
    else if (op === OP_UNMAP_ALL) {
      this.#unmappingAll.add(place);
      reading = NOTHING;
    }
    return reading ?? unreadableFrom(match.index);
  }

  #map(device: string, addr: string, range: string): Reading | null {
    const iova = hexAddress(addr);
    const size = hexCount(range);
    if (size <= 0) return size === 0 ? NOTHING : null;
    const paddr = placeInMemory(iova, size);
    const at = { iova: hexOf(iova), size };
    if (paddr < 0) return this.#bind(device, [], { kind: 'map_null', ...at });
    const id = `${device} memory`;
    const layout = `${paddr} ${size}`;
    const objects: Payload[] = [];
    if (this.#layouts.get(device) !== layout) {
      this.#layouts.set(device, layout);
      const segments = [{ paddr: hex64(Math.floor(paddr / TWO_32), paddr % TWO_32) as Hex, size }];
      objects.push({ kind: 'language', event: { op: 'bo', id, size, segments } });
    }
    return this.#bind(device, objects, { kind: 'map', ...at, bo: id });
  }

  #unmap(device: string, addr: string, range: string): Reading | null {
    const size = hexCount(range);
    if (size <= 0) return size === 0 ? NOTHING : null;
    return this.#bind(device, [], { kind: 'unmap', iova: hexOf(hexAddress(addr)), size });
  }

  #bind(device: string, objects: readonly Payload[], op: BindOp): Reading {
    this.note =
      'physical addresses are not recorded: each mapping of xe is given contiguous memory that allows the largest pages, or zero pages from 64 TiB on; the address spaces of a device are not told apart';
    const before: Payload[] = [];
    if (!this.#declared.has(device)) {
      this.#declared.add(device);
      const comment = 'xe, every address space of the device in one';
      before.push({ kind: 'declare', key: device, event: { driver: 'xe', comment } });
    }
    const job = ++this.#jobs;
    const event = { op: 'bind', domain: device, job, mode: 'sync', ops: [op] } as const;
    return readingOf(...before, ...objects, { kind: 'language', event });
  }
}

/**
 * A physical address for `size` bytes at `iova`, not 0 and congruent to it; -1 when they do not fit in memory. The upper
 * half of memory mirrors the address space, so that neighbours there are neighbours here.
 */
function placeInMemory(iova: Address, size: number): number {
  for (const span of [MEMORY / 2, LARGEST_PAGE]) {
    const paddr = span + (span > TWO_32 ? (iova.hi % (span / TWO_32)) * TWO_32 + iova.lo : iova.lo % span);
    if (paddr + size <= MEMORY) return paddr;
  }
  return -1;
}

function hexOf({ hi, lo }: Address): Hex {
  return hex64(hi, lo) as Hex;
}
