import { isBefore, type Release } from '../release.ts';
import type { TargetName } from '../targets.ts';

/** What else a target can tell, in its own words. */
export interface Beside {
  /** Name among the commands. */
  readonly name: string;
  readonly title: string;
  readonly about: readonly string[];
  readonly commands: readonly string[];
}

/** Since when msm takes VM_BIND and logs the operations of each address space. */
const FIRST_VM_LOG: Release = { major: 6, minor: 17 };

/** Sources beside the probes, for the targets that have any. */
export function beside(target: TargetName, release: Release): readonly Beside[] {
  switch (target) {
    case 'panthor':
      return [PANTHOR_LOG];
    case 'msm':
      return isBefore(release, FIRST_VM_LOG) ? [] : [MSM_LOG];
    case 'iommufd':
      return [QEMU, REQUESTS];
    default:
      return [];
  }
}

/** Host IOMMUs with page tables of their own have no probes here, yet iommufd asks all of them by the same functions. */
const REQUESTS: Beside = {
  name: 'requests',
  title: 'Requests of iommufd on a host with another IOMMU (x86)',
  about: ['What iommufd asked the IOMMU core for, with the domain and the protection; no page tables and no returns.'],
  commands: [
    `bpftrace -q -o requests.bpftrace.txt -c "COMMAND" -e '`,
    'kprobe:iommu_map',
    '{',
    '  printf("ts=%019llu pid=%d probe=iommu_map domain=0x%llx iova=0x%llx paddr=0x%llx size=%llu prot=0x%x\\n", nsecs, tid, arg0, arg1, arg2, arg3, (uint32)arg4);',
    '}',
    'kprobe:iommu_unmap',
    '{',
    '  printf("ts=%019llu pid=%d probe=iommu_unmap domain=0x%llx iova=0x%llx size=%llu\\n", nsecs, tid, arg0, arg1, arg2);',
    '}',
    "'",
    'LC_ALL=C sort -s -k 1,1 requests.bpftrace.txt | gzip > requests.txt.gz',
  ],
};

const PANTHOR_LOG: Beside = {
  name: 'log',
  title: 'Kernel log of panthor (kernels without probes)',
  about: [
    'One line for each call or segment (panthor_mmu.c:panthor_vm_map_pages), without page table, protection or return value.',
    'drm.debug=0x2 turns on the messages of all drivers of GPUs; the second command counts only where the kernel was built',
    'with CONFIG_DRM_USE_DYNAMIC_DEBUG. From the start: drm.debug=0x2 log_buf_len=16M on the command line.',
  ],
  commands: [
    'echo 0x2 > /sys/module/drm/parameters/debug',
    "echo 'file drivers/gpu/drm/panthor/panthor_mmu.c +p' > /sys/kernel/debug/dynamic_debug/control",
    'dmesg --follow > panthor.log',
  ],
};

const MSM_LOG: Beside = {
  name: 'vm-log',
  title: "msm's own log of VM operations",
  about: [
    'Ranges of the last 256 maps and unmaps of an address space, without physical addresses; written with the dump of a GPU fault.',
    'It holds for address spaces made afterwards; from the start: msm.vm_log_shift=8 on the command line.',
  ],
  commands: [
    'echo 8 > /sys/module/msm/parameters/vm_log_shift',
    '# after a fault of the GPU: the lines below vm-log:',
    'cat /sys/class/devcoredump/devcd*/data > msm.devcoredump.txt',
  ],
};

const QEMU: Beside = {
  name: 'qemu',
  title: 'What QEMU asked iommufd for',
  about: [
    "Added to QEMU's own options, for a build with the log backend: IOVA ranges and user addresses, no physical ones.",
  ],
  commands: ["qemu-system-aarch64 --trace 'iommufd_backend_*' --trace 'vfio_listener_*' -D qemu.log"],
};
