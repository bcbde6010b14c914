import type { Address } from '../../../base/u64.ts';
import type { IommuMap, IommuUnmap } from '../payload.ts';
import { ByteCursor, bytesOf } from './byte-cursor.ts';

/*
 * `iommu:map` and `iommu:unmap` as the kernel prints them since 2015, read from the bytes. Other forms are for the
 * expressions in payload.ts, which also read these.
 */

const IOMMU = bytesOf('IOMMU: ');
const IOVA = bytesOf('iova=0x');
const UNTIL = bytesOf(' - 0x');
const PADDR = bytesOf(' paddr=0x');
const SIZE = bytesOf(' size=');
const UNMAPPED = bytesOf(' unmapped_size=');

const cursor = new ByteCursor();

/** A request in one of the usual forms, null for any other text. `b[end]` is readable: the line's end. */
export function parsePlainRequest(b: Buffer, start: number, end: number, isMap: boolean): IommuMap | IommuUnmap | null {
  cursor.at = start;
  cursor.skip(b, IOMMU);
  if (!cursor.skip(b, IOVA) || !cursor.hex(b)) return null;
  const iova: Address = { hi: cursor.hi, lo: cursor.lo };
  if (cursor.skip(b, UNTIL) && !cursor.skipHex(b)) return null;
  if (isMap) {
    if (!cursor.skip(b, PADDR) || !cursor.hex(b)) return null;
    const paddr: Address = { hi: cursor.hi, lo: cursor.lo };
    const size = cursor.skip(b, SIZE) ? cursor.decimal(b) : -1;
    if (size < 0 || cursor.at !== end) return null;
    return { kind: 'iommu-map', name: null, iova, paddr, size, prot: null, ret: 0 };
  }
  const size = cursor.skip(b, SIZE) ? cursor.decimal(b) : -1;
  const unmapped = size >= 0 && cursor.skip(b, UNMAPPED) ? cursor.decimal(b) : -1;
  if (unmapped < 0 || cursor.at !== end) return null;
  return { kind: 'iommu-unmap', name: null, iova, size, unmapped };
}
