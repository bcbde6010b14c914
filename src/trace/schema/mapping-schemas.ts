import { flag, hex, integer, natural, optional, word } from '../../base/json-schema.ts';
import type { EventShape } from './event-shape.ts';
import { IN_DOMAIN, IOVA, MAP_ARGUMENTS, PADDR, RET, SIZE } from './fields.ts';

/** Events that map, unmap and look up. */
export const MAPPING_EVENTS = {
  map: [
    'A map request of the IOMMU core, which chooses the page sizes.',
    { ...IN_DOMAIN, iova: IOVA, paddr: PADDR, size: SIZE, ...MAP_ARGUMENTS, ret: optional(RET) },
  ],
  unmap: [
    'An unmap request of the IOMMU core.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      size: SIZE,
      gather: optional(word('The leaves are invalidated later.', ['queued'])),
      ret: optional(RET),
    },
  ],
  map_pages: [
    'One raw map call of the engine.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      paddr: PADDR,
      pgsize: natural('Bytes of a page.'),
      pgcount: natural('Pages.'),
      ...MAP_ARGUMENTS,
      ret: optional(RET),
    },
  ],
  unmap_pages: [
    'One raw unmap call of the engine.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      pgsize: natural('Bytes of a page.'),
      pgcount: natural('Pages.'),
      gather: optional(
        word('`none`: no gather was given; `queued`: invalidated later; left out: synced after the call.', [
          'queued',
          'none',
        ]),
      ),
      ret: optional(RET),
    },
  ],
  iova_to_phys: [
    'A look-up.',
    { ...IN_DOMAIN, iova: IOVA, paddr: optional(hex('What it is expected to give; 0x0: unmapped.')) },
  ],
  walk: ['A look-up that reads the entry of every level.', { ...IN_DOMAIN, iova: IOVA }],
  repeat: [
    'Maps one physical run over and over.',
    {
      ...IN_DOMAIN,
      iova: IOVA,
      size: natural('Bytes; a multiple of `length`.'),
      paddr: PADDR,
      length: integer('Bytes of the run.', 1),
      ...MAP_ARGUMENTS,
    },
  ],
  set_dirty: ['Hardware writes through the leaf of an IOVA.', { ...IN_DOMAIN, iova: IOVA }],
  read_dirty: [
    'Software reads the dirty state of a range.',
    { ...IN_DOMAIN, iova: IOVA, size: SIZE, clear: optional(flag('And clears it.')) },
  ],
} as const satisfies Readonly<Record<string, EventShape>>;
