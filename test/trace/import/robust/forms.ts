/*
 * A few lines of every printed form that an importer knows, in the words of kernels, tools and people who copy them.
 */

const IOVA = '0x00000000ffff7000';
const PADDR = 'paddr=0x00000000481f3000';
const MAP = `map: IOMMU: iova=${IOVA} - 0x00000000ffff8000 ${PADDR} size=4096`;
const MAP_2M = 'map: IOMMU: iova=0x00000000fe000000 - 0x00000000fe600000 paddr=0x00000000c0200000 size=6291456';
const MAP_TOP = 'map: IOMMU: iova=0xfffffffffffff000 - 0x0000000000000000 paddr=0x0000000047e9f000 size=4096';
const UNMAP = `unmap: IOMMU: iova=${IOVA} - 0x00000000ffff8000 size=4096 unmapped_size=4096`;
const UNMAP_2M = 'unmap: IOMMU: iova=0x00000000fe000000 - 0x00000000fe600000 size=6291456 unmapped_size=6291456';
const EVENTS = [MAP, MAP_2M, MAP_TOP, UNMAP, MAP, UNMAP_2M, 'sched_switch: prev_comm=a ==> next_comm=b', UNMAP];

/** The events, each behind what `lead` says of it. */
function each(lead: (i: number) => string, events: readonly string[] = EVENTS): string {
  return events.map((event, i) => `${lead(i)}${event}\n`).join('');
}

const time = (i: number): string => `${15 + (i >> 2)}.95${6585 + i * 29}`;
const HEAD = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 8/9   #P:2\n#\n';

const CALLS = [
  'alloc_s1: (arm_64_lpae_alloc_pgtable_s1+0x0/0x24c) quirks=0x0 pgsize_bitmap=0x62215000 ias=48 oas=44 coherent_walk=1',
  'map: (arm_lpae_map_pages+0x0/0x170) ttbr=0x48107000 iova=0xfffff000 paddr=0x8090000 pgsize=0x1000 pgcount=1 prot=0x7',
  'map_ret: (arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=0',
  'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000008090000 size=4096',
  'map: (arm_lpae_map_pages+0x0/0x170) ttbr=0x48107000 iova=0xffe00000 paddr=0x47a00000 pgsize=0x200000 pgcount=1 prot=0x6',
  'map_ret: (arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=-17',
  'unmap: (arm_lpae_unmap_pages+0x0/0x90) ttbr=0x48107000 iova=0xfffff000 pgsize=0x1000 pgcount=476',
  'unmap_ret: (panthor_vm_unmap_pages+0x24/0x40 [panthor] <- arm_lpae_unmap_pages) ret=0x1000',
  'free: (arm_lpae_free_pgtable+0x0/0x40) ttbr=0x48107000',
];

const DMA = [
  `map: IOMMU: iova=${IOVA} - 0x00000000ffff8000 ${PADDR} size=4096`,
  'dma_map_page: 0000:00:05.0 dir=TO_DEVICE dma_addr=ffff7010 size=16 phys_addr=481f3010 attrs=',
  'dma_unmap_sg: 0000:00:06.0 dir=FROM_DEVICE phys_addrs={0x48eb8000,0x49515000} attrs=',
  UNMAP,
  'dma_unmap_phys: 0000:00:05.0 dir=TO_DEVICE dma_addr=ffff7010 size=16 attrs=WEAK_ORDERING|SKIP_CPU_SYNC',
  'map: IOMMU: iova=0x00000000fff80000 - 0x00000000fffa0000 paddr=0x0000000048eb8000 size=131072',
  'dma_map_sg: 0000:00:06.0 dir=FROM_DEVICE nents=31/31 ents=2/2 dma_addrs={0xfff80000,0xfff90000} sizes={0x10000,0x10000} phys_addrs={0x48eb8000} attrs=NO_WARN',
  'dma_alloc: 0000:00:05.0 dma_addr=fe980000 size=524288 virt_addr=000000006cadbcb1 flags=GFP_KERNEL attrs=',
  'dma_free: 0000:00:05.0 dma_addr=fe980000 size=524288 virt_addr=000000006cadbcb1 attrs=',
];

const PLAIN = [
  'map: IOMMU: iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=0x1000',
  'map: IOMMU:gfx3d_user iova=0x0000000000001000 paddr=0x000000001ec80000 size=0x1000 prot=0x7',
  'unmap: IOMMU:gfx3d_user iova=0x0000000000001000 size=0x1000 unmapped_size=0x1000',
  'map: IOMMU: dev=1d84000.ufshc iova=0x0000000000002000 paddr=0x000000001ec80000 size=4096',
  'unmap: IOMMU: dev=1d84000.ufshc iova=0x0000000000002000 size=4096 unmapped_size=4096',
  'map_sg: IOMMU:gfx3d_user iova=0x0000000000004000 size=0x3000 prot=0x7',
  'iommu_map_range: v_addr=00001000 p_addr=0x80000000 chunk_size=0x1000 len=8192',
  'dmadebug_map_page: device=tegradc.0, iova=1000, size=4096 phys=80001000 platformdata=x',
  'dmadebug_unmap_sg: device=tegradc.0, iova=1000, size=4096 phys=80001000',
  'io_page_fault: IOMMU:ath12k_pci 0000:05:00.0 iova=0x0000000091482640 flags=0x0000',
  'attach_device_to_domain: IOMMU: device=0000:05:00.0',
  'add_device_to_group: IOMMU: groupID=0 device=0000:05:00.0',
];

const raw = (event: string): string => event.replace(/IOMMU: /, ' ').replace(/ - 0x[0-9a-f]+/, '');
const column = (i: number): string => `   dd-18${i & 3}     [00${i & 1}]`;
const frames = '\tffff8000087f2a30 __iommu_map+0x100 ([kernel.kallsyms])\n\tffff8000087f2a30 iommu_dma_map_page\n\n';

const PANTHOR = '[   12.345678] panthor fb000000.gpu: [drm:panthor_vm_map_pages [panthor]] ';
const PANFROST = '[   12.345678] panfrost fde60000.gpu: ';
const XE = '[   51.386066] xe 0000:00:04.0: [drm:vm_bind_ioctl_ops_create [xe]] ';
const LOG = [
  'map: iova 0xffff5000 pa 0x00000000482c0000 size 0x3000',
  'mapping: iova 0xffff5000 pa 0x00000000482c0000 pgsize 0x1000 count 3',
  'unmap this: iova 0xffff5000 size 0x3000',
  'unmapped: iova 0xffff5000 size 0x3000',
  'mapping: iova 0x6e600000 pa 0x00000004cd800000 pgsize 0x200000',
];
const QEMU = [
  'vfio_listener_region_add_ram region_add [ram] 0xc0000 - 0xdffff [0x7f5d1d400000]',
  'vfio_listener_region_del region_del 0xc0000 - 0xdffff',
  'vfio_listener_region_del_skip SKIPPING region_del 0xfe000000 - 0xfe000fff',
  'vfio_listener_region_add_ram region_add [ram] 0x100000000 - 0x17fffffff [0x7f5c1d400000]',
];
const IOMMUFD = [
  'iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 addr=0x7f5d1d400000 readonly=1 (0)',
  'iommufd_backend_map_file_dma  iommufd=303 ioas=2 iova=0x0 size=0x80000000 fd=306 start=4096 readonly=0 (0)',
  'iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 (0)',
  'virtio_iommu_map domain=1 virt_start=0xc0000 virt_end=0xdffff phys_start=0x7f5d1d400000 flags=3',
  'virtio_iommu_unmap domain=1 virt_start=0xc0000 virt_end=0xdffff',
  'vhost_vdpa_dma_map vdpa_shared:0x55d fd: 16 msg_type: 2 asid: 0 iova: 0x1000 size: 0x2000 uaddr: 0x7f5d perm: 0x3 type: 2',
];
const KEY_VALUE = [
  'pid=616477 comm=x domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 size=0x1000 prot=0x7 gfp=0x400cc0',
  'iommu_map: pid: 616477, domain: 0xff11012805dac210, iova: 0x10000, paddr: 0x12ecfdd0000, end: 0x12fff, prot: 7',
  'arm_lpae_map_pages: domain=0x1000 iova=0x20000 paddr=0x30000 pgsize=4096 pgcount=2 prot=7 ret=0 ts=12.5',
  'arm_lpae_unmap_pages domain: 0x1000, iova: 0x20000, pgsize: 4096, pgcount: 2, ret: 8192, ns=7242126123',
  'op=unmap iova=0x10000 size=0x2000 unmapped=0x1000 cpu=1 pid=0 comm="my prog, x=1"',
];

/** One recording of each form. */
export const FORMS: Readonly<Record<string, string>> = {
  'ftrace, 4 flags': HEAD + each((i) => `${column(i)} d.h.  ${time(i)}: `),
  'ftrace, 5 flags': `${HEAD}##### CPU 1 buffer started ####\n${each((i) => `${column(i)} d....  ${time(i)}: `)}`,
  'ftrace, 7 flags': each((i) => `${column(i)} .....s.  ${time(i)}: `),
  'ftrace, tgid': each((i) => `${column(i).slice(0, 8)}     (   ${i === 2 ? '----' : 235}) [000] d....  ${time(i)}: `),
  'ftrace, no irq info': each((i) => `${column(i)}  ${time(i)}: `),
  'ftrace, lost': `CPU:3 [LOST 1234 EVENTS]\n${each((i) => `${column(i)} d....  ${time(i)}: `)}CPU:1 [17 EVENTS DROPPED]\n`,
  'ftrace, counter': each((i) => `${column(i)} d....            ${i + 4}: `),
  'ftrace, stack traces': each((i) => `${column(i)} d....  ${time(i)}: `).replaceAll('\n', '\n => iommu_map\n => x\n'),
  'latency-format': HEAD + each((i) => `  dd-186       1d.... 2640${i}us!: `),
  'latency-format, verbose': each((i) => `  dd     186   1 1 00000000 0000000${i} [00756672] 26.40${i}ms (+0.575ms): `),
  'other events': each((i) => `${column(i)} d....  ${time(i)}: `, PLAIN),
  probes: HEAD + each((i) => `${column(0)} d....  ${time(i)}: `, CALLS),
  'probes, nested': each((i) => `${column(0)} d.${'.hs'[i % 3]}..  ${time(i)}: `, [...CALLS, ...CALLS.slice(1)]),
  'probes, no symbols': each((i) => `${column(0)} ${time(i)}: `, CALLS).replace(
    /\([\w+/ [\]<-]+\)/g,
    '(ffffbc34a06b47f0)',
  ),
  dma: each((i) => `${column(i >> 2)} d....  ${time(i)}: `, DMA),
  'trace-cmd report': `cpus=2\n${each((i) => `${column(i)}  ${time(i)}: `).replaceAll('map: ', 'map:                  ')}`,
  'trace-cmd report -t': `cpus=2\n${each((i) => `  <...>-235   [001]  ${time(i)}344: `)}`,
  'trace-cmd report -R': each((i) => `${column(i)}  ${time(i)}: `, EVENTS.map(raw)),
  'trace-cmd report -l': `cpus=2\n${each((i) => `  <idle>-0     1d.h..    ${time(i)}: `)}`,
  'trace-cmd report --ts-diff': each((i) => `${column(i)}  ${time(i)}: (+${i * 29})    `),
  'perf script': each((i) => `  perf-exec   24${i & 1} [001]    ${time(i)}:                       iommu:`),
  'perf script -F': each((i) => `    swapper   241/242   [001]    ${time(i)}:          1     iommu:`),
  'perf script, no cpu': each((i) => `  my prog 1  241    ${time(i)}:  probe:`),
  'perf script -g': each((i) => `   dd   248 [000]    ${time(i)}:    iommu:`).replaceAll('\n', `\n${frames}`),
  'perf trace': each(
    (i) => `     ${i}.088 dd/252 iommu:`,
    [
      'map(iova: 4294930432, paddr: 0x481f5000, size: 4096)',
      'unmap(iova: 4294930432, size: 4096, unmapped_size: 4096)',
    ],
  ),
  'systrace page': `<!DOCTYPE html>\n<html><script class="trace-data" type="application/text">\n${HEAD}${each((i) => `${column(i)} d....  ${time(i)}: `)}</script></html>\n`,
  'old systrace page': `<html><script>var linuxPerfData = "\\\n${each((i) => `${column(i)} d....  ${time(i)}: `).replaceAll('\n', '\\n\\\n')}";</script>\n`,
  dmesg: each((i) => `[    7.24212${i}] [  T187] iommu: `, LOG),
  'dmesg -T': each((i) => `[Thu Nov 20 21:49:0${i} 2025] iommu: `, LOG),
  'dmesg, all flags': each((i) => `<7>[    7.24212${i}] [187] iommu:__iommu_map:2412: `, LOG),
  '/dev/kmsg': each((i) => `7,12${i},724212${i},-,caller=T187;iommu: `, LOG),
  journal: each((i) => `Nov 20 21:49:0${i} host kernel: iommu: `, LOG),
  'journal, ISO': each((i) => `2025-11-20T21:49:01,11358${i}+01:00 host kernel: iommu: `, LOG),
  tp_printk: each((i) => `[    7.24212${i}] `),
  panthor: each(
    () => PANTHOR,
    [
      'map: as=1, iova=0x7fff00000000, sz=4198400, va=0x7fff00200000, pa=0x1cd800000, pgcnt=1, pgsz=2097152',
      'unmap: as=1, iova=0x7fff00000000, sz=4198400, va=0x7fff00200000, pgcnt=512, pgsz=4096',
      'Features: L2:0x7120306 Tiler:0x809 Mem:0x301 MMU:0x2728 AS:0xff',
      'map: as=0, iova=2000000, paddr=0x00000001cd800000, len=201000',
    ],
  ),
  panfrost: each(
    () => PANFROST,
    ['map: as=0, iova=2000000, paddr=1cd800000, len=201000', 'unmap: as=0, iova=2000000, len=1000'],
  ),
  xe: each(
    () => XE,
    [
      'op=0, addr=0x00007f0a54200000, range=0x0000000000400000, bo_offset_or_userptr=0x0000000000000000',
      'MAP: addr=0x00007f0a54200000, range=0x0000000000400000',
      'op=1, addr=0x0000000000000000, range=0x0001000000000000, bo_offset_or_userptr=0x0000000000000000',
      'REMAP:UNMAP: addr=0x0000000000001000, range=0x0000000000003000, keep=0',
      'REMAP:PREV: addr=0x0000000000001000, range=0x0000000000001000',
      'op=3, addr=0x0000000000001000, range=0x0000000000002000, bo_offset_or_userptr=0x0000000000100000',
    ],
  ),
  'key=value': each(() => '', KEY_VALUE),
  'key=value, other names': each(
    () => '',
    KEY_VALUE.map((line) => line.replace('iova', 'addr').replace('size', 'len')),
  ),
  'QEMU, vfio': each((i) => `7131@162020749${i}.158864:`, QEMU),
  'QEMU, syslog': each(() => 'Nov 20 21:49:01 host qemu-system-x86_64[7131]: ', [...QEMU, ...IOMMUFD]),
  'QEMU, ISO': each((i) => `2021-05-05T09:38:1${i}.158864Z `, [...QEMU.slice(0, 1), ...IOMMUFD]),
  'event lines alone': each(() => '', [...EVENTS, ...CALLS, ...PLAIN]),
  NDJSON: '{"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}\n{"op":"unmap","iova":"0x1000","size":4096}\n',
};
