import type { Probe, ProbeField } from './probe.ts';
import { FIRST_WITH_CALLBACKS, isBefore, type Release } from './release.ts';

/*
 * Where the probes look. `ops`, the first argument of the raw calls, lies within struct io_pgtable, behind a union of 40
 * bytes that begins with the address of the start table: ttbr of stage 1, vttbr of stage 2, transtab of Mali. That has held
 * since 5.15, when the largest member of the union came (io-pgtable.h).
 */

const START_TABLE: ProbeField = { name: 'ttbr', fetch: '-40($arg1)', type: 'x64' };

/** The start table seen from struct io_pgtable itself, which is what `free` is given. */
const OFFSET_IN_PGTABLE = 64;
const BYTES_OF_CALLBACKS = 16;

/** `struct io_pgtable_cfg` as the driver fills it, before the engine restricts its page sizes. */
const CONFIGURATION: readonly ProbeField[] = [
  { name: 'quirks', fetch: '+0($arg1)', type: 'x64' },
  { name: 'pgsize_bitmap', fetch: '+8($arg1)', type: 'x64' },
  { name: 'ias', fetch: '+16($arg1)', type: 'u32' },
  { name: 'oas', fetch: '+20($arg1)', type: 'u32' },
  { name: 'coherent_walk', fetch: '+24($arg1)', type: 'u8' },
];

/**
 * The probes on the LPAE engine of an arm64 kernel from 5.15 on. They see every driver that uses the engine, so all its
 * formats are asked for; the 32-bit ones end in the functions of the 64-bit ones (arm_32_lpae_alloc_pgtable_s1 calls
 * arm_64_lpae_alloc_pgtable_s1), and a probe on each would tell of them twice.
 */
export function engineProbes(release: Release): readonly Probe[] {
  const callbacks = isBefore(release, FIRST_WITH_CALLBACKS) ? 0 : BYTES_OF_CALLBACKS;
  return [
    {
      name: 'map',
      kind: 'kprobe',
      function: 'arm_lpae_map_pages',
      fields: [
        START_TABLE,
        { name: 'iova', fetch: '$arg2', type: 'x64' },
        { name: 'paddr', fetch: '$arg3', type: 'x64' },
        { name: 'pgsize', fetch: '$arg4', type: 'x64' },
        { name: 'pgcount', fetch: '$arg5', type: 'u64' },
        { name: 'prot', fetch: '$arg6', type: 'x32' },
      ],
    },
    {
      name: 'map_ret',
      kind: 'kretprobe',
      function: 'arm_lpae_map_pages',
      fields: [{ name: 'ret', fetch: '$retval', type: 's32' }],
    },
    {
      name: 'unmap',
      kind: 'kprobe',
      function: 'arm_lpae_unmap_pages',
      fields: [
        START_TABLE,
        { name: 'iova', fetch: '$arg2', type: 'x64' },
        { name: 'pgsize', fetch: '$arg3', type: 'x64' },
        { name: 'pgcount', fetch: '$arg4', type: 'u64' },
        { name: 'gather', fetch: '$arg5', type: 'x64' },
      ],
    },
    {
      name: 'unmap_ret',
      kind: 'kretprobe',
      function: 'arm_lpae_unmap_pages',
      fields: [{ name: 'ret', fetch: '$retval', type: 'x64' }],
    },
    { name: 'alloc_s1', kind: 'kprobe', function: 'arm_64_lpae_alloc_pgtable_s1', fields: CONFIGURATION },
    { name: 'alloc_s2', kind: 'kprobe', function: 'arm_64_lpae_alloc_pgtable_s2', fields: CONFIGURATION },
    { name: 'alloc_mali', kind: 'kprobe', function: 'arm_mali_lpae_alloc_pgtable', fields: CONFIGURATION },
    {
      name: 'free',
      kind: 'kprobe',
      function: 'arm_lpae_free_pgtable',
      fields: [{ name: 'ttbr', fetch: `+${OFFSET_IN_PGTABLE + callbacks}($arg1)`, type: 'x64' }],
    },
  ];
}
