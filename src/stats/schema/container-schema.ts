import { flag, hex, list, natural, object, type Schema, text } from '../../base/json-schema.ts';

/*
 * Containers and registered memory at the end of a trace.
 */

const WINDOW: Schema = object('A DMA window.', {
  start: hex('Its first bus address.'),
  size: natural('Bytes.'),
  page: natural('Bytes of a page.'),
  levels: natural('Levels of its tables.'),
  tces: natural('TCEs that are live.'),
  accounted: natural('Table bytes that locked memory is charged with.'),
  allocated: natural('Table bytes that there are.'),
});

/** A container. */
export const CONTAINER_SCHEMA: Schema = object('A container.', {
  id: text('Its id in the trace.'),
  version: natural('1 or 2.'),
  enabled: flag('Maps can be made.'),
  groups: list('Groups that are attached.', text('An id.')),
  windows: list('Its windows.', WINDOW),
});

/** Registered memory. */
export const REGION_SCHEMA: Schema = object('Registered memory.', {
  mm: text('Id of the process.'),
  vaddr: hex('Its first address.'),
  size: natural('Bytes.'),
  used: natural('Registrations.'),
  owners: natural('Containers that list it; fewer when a request has lost it.'),
  page: natural('Bytes of the largest page of a window that it takes.'),
  mapped: natural('TCEs that lead into it, or 4K pages of children that do.'),
  bytesEverMapped: natural('Bytes of it that ever had one.'),
});
