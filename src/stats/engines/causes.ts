import { addHi, addLo, compare64 } from '../../base/u64.ts';
import { EADDRINUSE, EEXIST, EOVERFLOW, ERANGE } from '../../base/vocabulary.ts';
import { GenericDomain } from '../../iommu/generic/generic-domain.ts';
import { type OpRecord, UNMAPPED } from './op-record.ts';

/** Why engines answer differently. */
export const CAUSES = {
  errno: 'both refuse to map over what is live: io-pgtable-arm with -EEXIST, generic_pt with -EADDRINUSE',
  'over-table':
    'a block over a table: io-pgtable-arm drops the live pages below it, generic_pt refuses with -EADDRINUSE',
  'part-of-block':
    'unmap of a part of a block: io-pgtable-arm refuses or splits it, generic_pt removes all of it, or nothing where the range begins inside',
  holes:
    'an unmap of a table that is not full: io-pgtable-arm counts its whole range, for generic_pt an empty entry is a hole',
  'raw-call':
    'a raw call: that of io-pgtable-arm ends with the table, that of generic_pt goes on to the end of the range',
  range:
    'a range that leaves the address space: io-pgtable-arm looks at the first page of each call, generic_pt at the whole range',
  'not-reached': 'an operation of a job that only one engine came to',
  earlier: 'an earlier difference in the same range',
  unexplained: 'none of the known differences between the engines',
} as const;

export type Cause = keyof typeof CAUSES;

/** An operation with different answers: what the difference of the engines is, whichever of the two comes first. */
export function causeOf(one: OpRecord, two: OpRecord, diverged: boolean): Cause {
  const [base, other] = one.space.domain instanceof GenericDomain ? [two, one] : [one, two];
  const direct = base.kind === 'map' ? mapCause(base, other) : unmapCause(base, other);
  return direct ?? (diverged ? 'earlier' : 'unexplained');
}

function mapCause(base: OpRecord, other: OpRecord): Cause | null {
  // One that failed later may have dropped pages before, which nobody brings back.
  const dropped = base.subtrees > 0 && (base.ret === 0 || base.grown < 0);
  if (other.ret === -EADDRINUSE && dropped) return 'over-table';
  if (base.ret === -EEXIST && other.ret === -EADDRINUSE) return 'errno';
  if (other.ret === -ERANGE || other.ret === -EOVERFLOW) return 'range';
  if (base.ret === 0 && base.bytes < base.size) return 'raw-call';
  return null;
}

function unmapCause(base: OpRecord, other: OpRecord): Cause | null {
  if (base.parts > 0 || other.bytes > other.size || base.bytes > base.size) return 'part-of-block';
  // Bytes that went beyond those that were mapped.
  if (base.bytes > -base.grown) return 'holes';
  if (base.bytes > 0 && other.bytes > base.bytes) return 'raw-call';
  if (leaves(other)) return 'range';
  // A raw map may have come to a larger page, of which the unmap is for a part.
  if (other.bytes === 0 && other.first !== UNMAPPED) return 'part-of-block';
  return null;
}

/** The range of an operation goes beyond the address space, or beyond 2^64. */
function leaves({ space: { table }, iovaHi, iovaLo, size }: OpRecord): boolean {
  if (table === null || size === 0) return false;
  const hi = addHi(iovaHi, iovaLo, size - 1);
  const lo = addLo(iovaLo, size - 1);
  return compare64(hi, lo, iovaHi, iovaLo) < 0 || !table.iovaInRange(hi, lo);
}
