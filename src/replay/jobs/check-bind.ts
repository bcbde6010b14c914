import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import type { BindEvent } from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** Smallest page of the GPU drivers. */
const PAGE = 4096;

/** What is wrong with a bind as a trace says it, whatever a driver may answer to it; null: nothing. */
export function checkBind(event: BindEvent, space: AddressSpace, objects: BufferObjects): string | null {
  const gpu = space.gpu !== null;
  for (const [at, op] of event.ops.entries()) {
    if (op.kind === 'map_null' && !gpu) {
      return `ops[${at}]: map_null needs a GPU driver; the domain's driver is "${space.driver}"`;
    }
    if (op.kind !== 'map') continue;
    const object = objects.get(op.bo);
    const id = JSON.stringify(op.bo);
    if (object === null) return `ops[${at}]: no buffer object ${id}; declare it first: {"op":"bo","id":...}`;
    const reach = (op.offset ?? 0) + op.size;
    // A driver refuses by itself what goes beyond the size of an object.
    if (reach > object.backing && (!gpu || reach <= object.size)) {
      return `ops[${at}]: buffer object ${id} has ${object.backing} bytes in its segments; this map needs ${reach}`;
    }
    const askew = gpu ? object.misaligned(PAGE) : -1;
    if (askew >= 0) return `ops[${at}]: segments[${askew}] of buffer object ${id} is not made of whole 4096-byte pages`;
  }
  return null;
}
