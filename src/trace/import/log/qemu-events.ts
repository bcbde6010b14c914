import { type Address, compare64 } from '../../../base/u64.ts';
import { PROT_CACHE, PROT_MMIO, PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import type { IommuMap, IommuUnmap } from '../payload.ts';
import { hexAddress } from '../text/hex-address.ts';
import { decimalAddress, hexCount, inclusiveSize, MOST_BYTES, printedAddress } from './log-numbers.ts';

/*
 * The trace events of QEMU that tell of I/O mappings, as its log backend prints them (hw/vfio/trace-events,
 * backends/trace-events, hw/virtio/trace-events).
 */

/** What changes an address space, and who says so. */
export interface QemuChange {
  readonly source: 'listener' | 'iommufd' | 'other';
  readonly payload: IommuMap | IommuUnmap;
  /** The kernel refused: nothing has changed. */
  readonly failed: boolean;
}

const HEX = '0x([\\da-f]{1,16})';
/** The event's line after its name and blanks. */
const REGION_ADD = new RegExp(`^region_add \\[ram\\] ${HEX} - ${HEX} \\[(0x[\\da-f]{1,16}|\\(nil\\))\\]$`);
const REGION_DEL = new RegExp(`^region_del ${HEX} - ${HEX}$`);
const IOAS = `^iommufd=-?\\d{1,10} ioas=(\\d{1,10}) iova=${HEX} size=${HEX}`;
const RESULT = '\\((-?\\d{1,10})\\)$';
const MAP_DMA = new RegExp(`${IOAS} addr=(0x[\\da-f]{1,16}|\\(nil\\)) readonly=(\\d) ${RESULT}`);
const MAP_FILE_DMA = new RegExp(`${IOAS} fd=-?\\d{1,10} start=(\\d{1,20}) readonly=(\\d) ${RESULT}`);
const UNMAP_DMA = new RegExp(`${IOAS} ${RESULT}`);
const VIRTIO = `^domain=(-?\\d{1,10}) virt_start=${HEX} virt_end=${HEX}`;
const VIRTIO_MAP = new RegExp(`${VIRTIO} phys_start=${HEX} flags=(\\d{1,10})$`);
const VIRTIO_UNMAP = new RegExp(`${VIRTIO}$`);

/** VIRTIO_IOMMU_MAP_F_*. */
const FLAG_READ = 1;
const FLAG_WRITE = 2;
const FLAG_MMIO = 4;

/** The name of a domain of the emulated virtio IOMMU. */
export function virtioName(domain: string): string {
  return `viommu${domain}`;
}

const VDPA = `^vdpa(?:_shared)?:\\S{1,20} fd: -?\\d{1,10} msg_type: \\d{1,10}(?: asid: (\\d{1,10}))? iova: ${HEX} size: ${HEX}`;
const VDPA_MAP = new RegExp(`${VDPA} uaddr: ${HEX} perm: 0x([\\da-f]) type: \\d{1,3}$`);
const VDPA_UNMAP = new RegExp(`${VDPA} type: \\d{1,3}$`);

const READERS: Readonly<Record<string, (text: string) => QemuChange | null>> = {
  vfio_listener_region_add_ram: regionAdd,
  vfio_listener_region_del: regionDel,
  iommufd_backend_map_dma: (text) => mapDma(MAP_DMA.exec(text), printedAddress),
  iommufd_backend_map_file_dma: (text) => mapDma(MAP_FILE_DMA.exec(text), decimalAddress),
  iommufd_backend_unmap_dma: unmapDma,
  virtio_iommu_map: virtioMap,
  virtio_iommu_unmap: virtioUnmap,
  vhost_vdpa_dma_map: vdpaMap,
  vhost_vdpa_dma_unmap: vdpaUnmap,
};

/** Whether an event of this name tells of a mapping. */
export function isQemuChange(name: string): boolean {
  return Object.hasOwn(READERS, name);
}

/** What an event tells whose name `isQemuChange` knows; null when its text is in no known form. */
export function readQemuChange(name: string, text: string): QemuChange | null {
  return READERS[name](text);
}

/** The name of the address space that VFIO's listener works on. */
const LISTENER = 'vfio';

/** The end is included. The address in QEMU's own memory stands in for the physical one (listener.c:vfio_listener_region_add). */
function regionAdd(text: string): QemuChange | null {
  const match = REGION_ADD.exec(text);
  if (match === null) return null;
  return map('listener', LISTENER, range(match[1], match[2]), inPlaceOf(printedAddress(match[3])), null, null);
}

function regionDel(text: string): QemuChange | null {
  const match = REGION_DEL.exec(text);
  return match === null ? null : unmap('listener', LISTENER, range(match[1], match[2]), false);
}

/** Protection as iommufd gives it to the IOMMU (iommufd/ioas.c:conv_iommu_prot): always readable and cacheable. */
function mapDma(match: RegExpExecArray | null, address: (text: string) => Address | null): QemuChange | null {
  if (match === null) return null;
  const [, ioas, iova, size, memory, readonly, ret] = match;
  const prot = PROT_READ | PROT_CACHE | (readonly === '0' ? PROT_WRITE : 0);
  const change = map('iommufd', `ioas${ioas}`, sized(iova, size), inPlaceOf(address(memory)), prot, 0);
  return change === null || ret === '0' ? change : { ...change, failed: true };
}

function unmapDma(text: string): QemuChange | null {
  const match = UNMAP_DMA.exec(text);
  return match === null ? null : unmap('iommufd', `ioas${match[1]}`, sized(match[2], match[3]), match[4] !== '0');
}

/** Guest-physical addresses, the end included; told before the map is tried (virtio-iommu.c:virtio_iommu_map). */
function virtioMap(text: string): QemuChange | null {
  const match = VIRTIO_MAP.exec(text);
  if (match === null) return null;
  const flags = Number(match[5]);
  const prot =
    ((flags & FLAG_READ) === 0 ? 0 : PROT_READ) |
    ((flags & FLAG_WRITE) === 0 ? 0 : PROT_WRITE) |
    ((flags & FLAG_MMIO) === 0 ? 0 : PROT_MMIO);
  return map('other', virtioName(match[1]), range(match[2], match[3]), { paddr: hexAddress(match[4]) }, prot, null);
}

function virtioUnmap(text: string): QemuChange | null {
  const match = VIRTIO_UNMAP.exec(text);
  return match === null ? null : unmap('other', virtioName(match[1]), range(match[2], match[3]), false);
}

/** Its permissions, VHOST_ACCESS_*, are the IOMMU's read and write bits (vhost-vdpa.c:vhost_vdpa_dma_map). */
function vdpaMap(text: string): QemuChange | null {
  const match = VDPA_MAP.exec(text);
  if (match === null) return null;
  const prot = (Number.parseInt(match[5], 16) & (PROT_READ | PROT_WRITE)) | PROT_CACHE;
  return map('other', vdpaName(match[1]), sized(match[2], match[3]), inPlaceOf(hexAddress(match[4])), prot, null);
}

function vdpaUnmap(text: string): QemuChange | null {
  const match = VDPA_UNMAP.exec(text);
  return match === null ? null : unmap('other', vdpaName(match[1]), sized(match[2], match[3]), false);
}

function vdpaName(asid: string | undefined): string {
  return `vdpa${asid ?? 0}`;
}

interface Range {
  readonly iova: Address;
  /** Bytes; -1 when they are 2^53 or more. */
  readonly size: number;
}

function range(first: string, last: string): Range | null {
  const iova = hexAddress(first);
  const end = hexAddress(last);
  if (compare64(end.hi, end.lo, iova.hi, iova.lo) < 0) return null;
  return { iova, size: inclusiveSize(iova, end) };
}

function sized(first: string, bytes: string): Range {
  return { iova: hexAddress(first), size: hexCount(bytes) };
}

function map(
  source: QemuChange['source'],
  name: string,
  at: Range | null,
  memory: Pick<IommuMap, 'paddr' | 'physical'> | null,
  prot: number | null,
  ret: 0 | null,
): QemuChange | null {
  if (at === null || at.size < 0 || memory === null) return null;
  return { source, payload: { kind: 'iommu-map', name, ...at, ...memory, prot, ret }, failed: false };
}

/** What stands in for a physical address. */
function inPlaceOf(address: Address | null): Pick<IommuMap, 'paddr' | 'physical'> | null {
  return address === null ? null : { paddr: address, physical: 'assumed' };
}

/** All of 64 bits, or a half of them, is what QEMU unmaps when everything has to go. */
function unmap(source: QemuChange['source'], name: string, at: Range | null, failed: boolean): QemuChange | null {
  if (at === null) return null;
  const size = at.size < 0 ? MOST_BYTES : at.size;
  return { source, payload: { kind: 'iommu-unmap', name, iova: at.iova, size, unmapped: null }, failed };
}
