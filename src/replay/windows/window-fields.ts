import { bitmapSizes } from '../../base/sizes.ts';
import { hexBitmap } from '../../base/u64.ts';
import type { AttachEvent, RegisterEvent, RequiredRange, WindowMapEvent } from '../../trace/events.ts';
import { protBits } from '../../trace/ndjson/checks.ts';
import { ADDRESS_END, addressNumber, PAGE_4K } from '../../window/address.ts';
import type { AddressRange } from '../../window/aperture.ts';
import { DEFAULT_GROUP, type Group, pageSizes } from '../../window/tce/group.ts';
import type { Backing } from '../../window/tce/memory/region.ts';

/** Page sizes that every group has. */
const ALWAYS = [2 ** 12, 2 ** 16];
const MOST_LEVELS = 16;

/** What is wrong with a field, as a sentence; or what it says. */
export type Read<T> = T | string;

/** Ranges of a trace or an option as numbers; an end of 0x0 is 2^64. */
export function readRanges(field: string, ranges: readonly RequiredRange[]): Read<AddressRange[]> {
  const result: AddressRange[] = [];
  for (const range of ranges) {
    const start = addressNumber(range.start);
    const end = addressNumber(range.end) || ADDRESS_END;
    const text = `${range.start}..${range.end}`;
    if (start % PAGE_4K !== 0 || end % PAGE_4K !== 0)
      return `"${field}": ${text} must begin and end at multiples of 4096`;
    if (end <= start) return `"${field}": ${text} holds no address; "end" is the first address behind the range`;
    result.push({ start, end });
  }
  return result.length > 0 ? result : `"${field}" is empty; it must hold at least one range {"start","end"}`;
}

/** The group that an `attach` describes. */
export function readGroup(event: AttachEvent): Read<Group> {
  const { pgsizes, maxLevels = DEFAULT_GROUP.maxLevels } = event;
  if (maxLevels > MOST_LEVELS) return `"maxLevels" is ${maxLevels}; it must be ${MOST_LEVELS} or less`;
  const sizes =
    pgsizes === undefined
      ? DEFAULT_GROUP.pgsizes
      : typeof pgsizes === 'string'
        ? bitmapSizes(hexBitmap(pgsizes))
        : pgsizes;
  return {
    id: event.group ?? 'g0',
    tce32Size: event.tce32Size ?? DEFAULT_GROUP.tce32Size,
    maxWindows: event.maxWindows ?? DEFAULT_GROUP.maxWindows,
    pgsizes: pageSizes([...sizes, ...ALWAYS]),
    maxLevels,
    ddw: event.ddw ?? DEFAULT_GROUP.ddw,
    platform: event.platform ?? DEFAULT_GROUP.platform,
  };
}

/** The pages behind memory that is registered. */
export function readBacking({ backing, size }: RegisterEvent): readonly Backing[] {
  if (backing === undefined) return [];
  return typeof backing === 'number' ? [{ size, page: backing }] : backing;
}

/** Which way a map lets the device go; -1 for flags that VFIO does not know. */
export function readDirection({ prot, flags }: WindowMapEvent): 0 | 1 | 2 | 3 | -1 {
  if (flags !== undefined) return flags > 3 ? -1 : (flags as 0 | 1 | 2 | 3);
  if (prot === undefined) return 3;
  const bits = typeof prot === 'number' ? prot : (protBits(prot) ?? 0);
  return (bits & 3) as 0 | 1 | 2 | 3;
}
