import { describe, expect, it } from 'vitest';
import { dumped, map, type TraceLine } from './dump-trace.ts';

describe('formats', () => {
  const one = (domain: TraceLine, ...maps: readonly TraceLine[]): readonly TraceLine[] => [
    { op: 'domain', id: 'd0', ...domain },
    ...maps,
  ];

  it('extends addresses of the upper half and filters by them', async () => {
    const trace = one(
      { quirks: ['TTBR1'], ias: 39 },
      map('0xfffffffffffff000', '0x80000000', 0x1000),
      map('0xffffff8000000000', '0x1000', 0x1000),
    );
    expect(await dumped(trace, ['--view', 'ranges'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 coherent TTBR1 kernel 7.1
      iova                                     size  pages  paddr                   attributes
      0xffffff8000000000..0xffffff8000001000     4K  1x4K   0x00001000..0x00002000  rwc--- inner
      0xfffffffffffff000..0x10000000000000000    4K  1x4K   0x80000000..0x80001000  rwc--- inner
      2 ranges, 8,192 bytes mapped (8.0 KiB)
      "
    `);
    expect(await dumped(trace, ['--iova', '0xfffffffffffff800..0x10000000000000000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 coherent TTBR1 kernel 7.1
      iova                                     size  pages  paddr                   attributes
      0xfffffffffffff800..0x10000000000000000    2K  1x4K   0x80000800..0x80001000  rwc--- inner
      1 range, 2,048 bytes mapped (2.0 KiB) in 0xfffffffffffff800..0x10000000000000000
      "
    `);
    expect(await dumped(trace, ['--iova', '0xffffffffffffff00', '--kernel', '6.12'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 coherent TTBR1 kernel 6.12
      walk of 0xffffffffffffff00
        TTBR1  0x100000000
        TCR    ips 5, tg 2, sh 3, orgn 1, irgn 1, tsz 25
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L1  511  0x100000ff8  0x0000000100001003  table 0x100001000
        L2  511  0x100001ff8  0x0000000100002003  table 0x100002000
        L3  511  0x100002ff8  0x0000000080000f47  page  0x80000000 rwc--- inner
      => 0x80000f00  4K page  rwc--- inner
      "
    `);
    expect(await dumped(trace, ['--iova', '0x1000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 coherent TTBR1 kernel 7.1
      walk of 0x1000
        TTBR1  0x100000000
        TCR    ips 5, tg 2, sh 3, orgn 1, irgn 1, tsz 25
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L1    0  0x100000000  0x0000000100003003  table 0x100003000
        L2    0  0x100003000  0x0000000100004003  table 0x100004000
        L3    1  0x100004008  0x0000000000000000  empty
      outside the table, hardware faults: bits above ias 39 are not all ones
      the kernel's look-up ignores them and answers for 0xffffff8000001000
      => fault at level 3: entry 1 of table 0x100004000 is empty
         nothing is mapped in 0xffffff8000001000+4K
      "
    `);
  });

  it('unpacks 52-bit addresses', async () => {
    const pgsizes = [65536, 2 ** 29, 2 ** 42];
    const trace = one(
      { pgsizes, cpuPageSize: 65536, ias: 52, oas: 52 },
      map('0x8000000010000', '0xfedcba9870000', 0x20000),
      map('0x40000000000', '0xf0c0000000000', 2 ** 42),
    );
    expect(await dumped(trace)).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 64K 512M 4T ias 52 oas 52 coherent kernel 7.1
      L1 table 0x0000100000000  2/1024 live  8K
        1        0x0040000000000  1x4T   0xf0c0000000000  rwc--- inner
        512      0x8000000000000  L2 table 0x0000100010000  1/8192 live  64K
          0      0x8000000000000  L3 table 0x0000100020000  2/8192 live  64K
            1-2  0x8000000010000  2x64K  0xfedcba9870000  rwc--- inner
      3 tables (136K), 3 leaves, 4,398,046,642,176 bytes mapped (4.0 TiB)
      "
    `);
    expect(await dumped(trace, ['--iova', '0x800000001abcd', '--explain'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 64K 512M 4T ias 52 oas 52 coherent kernel 7.1
      walk of 0x800000001abcd
        TTBR0  0x100000000
        TCR    ips 6, tg 1, sh 3, orgn 1, irgn 1, tsz 12
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L1  512  0x100001000  0x0000000100010003  table 0x100010000
              [1:0]    type                  3  table
              [47:12]  next table  0x100010000  physical address; its bits 51:48 are kept in 15:12
        L2    0  0x100010000  0x0000000100020003  table 0x100020000
              [1:0]    type                  3  table
              [47:12]  next table  0x100020000  physical address; its bits 51:48 are kept in 15:12
        L3    1  0x100020008  0x0000edcba987ff47  page  0xfedcba9870000 rwc--- inner
              [1:0]    type                    3  page
              [4:2]    AttrIndx                1  MAIR 0xff: normal, write-back read- and write-allocate
              [5]      NS                      0  secure output, where the walker is secure
              [7:6]    AP                      1  read and write, privileged and unprivileged
              [9:8]    SH                      3  inner shareable
              [10]     AF                      1  accessed: no access flag fault
              [11]     nG                      1  not global: tagged with the ASID
              [47:12]  output    0xfedcba9870000  physical address; its bits 51:48 are kept in 15:12
              [54:53]  XN                      0  executable
      => 0xfedcba987abcd  64K page  rwc--- inner
      "
    `);
  });

  it('shows concatenated start tables of stage 2', async () => {
    const trace = one(
      { format: 'ARM_64_LPAE_S2', ias: 40, oas: 40, quirks: ['S2FWB'] },
      map('0xff40000000', '0x40000000', 0x40000000),
      map('0x0', '0x1000', 0x1000, 'wm'),
    );
    expect(await dumped(trace)).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S2 4K 2M 1G ias 40 oas 40 coherent S2FWB kernel 7.1
      L1 table 0x100000000  2/1024 live  8K
        0      0x0000000000  L2 table 0x100002000  1/512 live  4K
          0    0x0000000000  L3 table 0x100003000  1/512 live  4K
            0  0x0000000000  1x4K  0x000001000  -w--m- outer
        1021   0xff40000000  1x1G  0x040000000  rwc--- inner
      3 tables (16K), 2 leaves, 1,073,745,920 bytes mapped (1.0 GiB)
      "
    `);
    expect(await dumped(trace, ['--iova', '0xff40000000', '--explain'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S2 4K 2M 1G ias 40 oas 40 coherent S2FWB kernel 7.1
      walk of 0xff40000000
        VTTBR  0x100000000
        VTCR   ps 2, tg 0, sh 3, orgn 1, irgn 1, sl 1, tsz 24
        lv   idx  entry at     entry               decoded
        L1  1021  0x100001fe8  0x00000000400007d9  block 0x40000000 rwc--- inner
              [1:0]    type              1  block
              [5:2]    MemAttr           6  write-back, whatever stage 1 says (FWB)
              [7:6]    S2AP              3  read and write
              [9:8]    SH                3  inner shareable
              [10]     AF                1  accessed: no access flag fault
              [47:30]  output   0x40000000  physical address
              [54:53]  XN                0  executable
      => 0x40000000  1G block  rwc--- inner
      "
    `);
  });

  it('shows Mali tables', async () => {
    const trace = one(
      { format: 'ARM_MALI_LPAE', ias: 32, oas: 40, coherent: false },
      map('0x1000', '0x1000', 0x1000, 'rc'),
    );
    expect(await dumped(trace)).toMatchInlineSnapshot(`
      "
      domain d0  ARM_MALI_LPAE 4K 2M 1G ias 32 oas 40 non-coherent kernel 7.1
      L0 table 0x100000000  1/1 live  8 bytes
        0        0x0000  L1 table 0x100001000  1/512 live  4K
          0      0x0000  L2 table 0x100002000  1/512 live  4K
            0    0x0000  L3 table 0x100003000  1/512 live  4K
              1  0x1000  1x4K  0x000001000  r-c--- outer
      4 tables (12296 bytes), 1 leaf, 4,096 bytes mapped (4.0 KiB)
      "
    `);
    expect(await dumped(trace, ['--iova', '0x1000', '--explain'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_MALI_LPAE 4K 2M 1G ias 32 oas 40 non-coherent kernel 7.1
      walk of 0x1000
        TRANSTAB  0x100000007
        MEMATTR   0x888d88
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0080000100001003  table 0x100001000 swsync
              [1:0]    type                  3  table
              [47:12]  next table  0x100001000  physical address
              [55]     SW_SYNC               1  software: the entry has reached memory
        L1    0  0x100001000  0x0080000100002003  table 0x100002000 swsync
              [1:0]    type                  3  table
              [47:12]  next table  0x100002000  physical address
              [55]     SW_SYNC               1  software: the entry has reached memory
        L2    0  0x100002000  0x0080000100003003  table 0x100003000 swsync
              [1:0]    type                  3  table
              [47:12]  next table  0x100003000  physical address
              [55]     SW_SYNC               1  software: the entry has reached memory
        L3    1  0x100003008  0x0000000000001245  page  0x1000 r-c--- outer
              [1:0]    type           1  page
              [4:2]    AttrIndx       1  MEMATTR 0x8d: cached: write-allocate
              [7:6]    access         1  read
              [9:8]    SH             2  shareable inside and outside the GPU
              [47:12]  output    0x1000  physical address
              [54:53]  XN             0  executable
      => 0x1000  4K page  r-c--- outer
      "
    `);
  });

  it('shows dirty leaves, and the marks of non-coherent and non-secure tables', async () => {
    const trace = one({ quirks: ['HD', 'NS'], coherent: false, ias: 39 }, map('0x1000', '0x1000', 0x3000), {
      op: 'read_dirty',
      iova: '0x2000',
      size: 4096,
      clear: true,
    });
    expect(await dumped(trace, ['--view', 'raw'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 non-coherent HD NS kernel 7.1
      lv  table        idx  iova    entry               decoded
      L1  0x100000000    0  0x0000  0x8080000100001003  table 0x100001000 swsync nstable
      L2  0x100001000    0  0x0000  0x8080000100002003  table 0x100002000 swsync nstable
      L3  0x100002000    1  0x1000  0x0008000000001f67  page  0x000001000 rwc--- inner dirty ns
      L3  0x100002000    2  0x2000  0x0008000000002fe7  page  0x000002000 rwc--- inner clean ns
      L3  0x100002000    3  0x3000  0x0008000000003f67  page  0x000003000 rwc--- inner dirty ns
      5 entries
      "
    `);
    expect(await dumped(trace, ['--view', 'ranges', '--attr', 'dirty'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 non-coherent HD NS kernel 7.1
      iova            size  pages  paddr           attributes
      0x1000..0x2000    4K  1x4K   0x1000..0x2000  rwc--- inner dirty ns
      0x3000..0x4000    4K  1x4K   0x3000..0x4000  rwc--- inner dirty ns
      2 ranges, 8,192 bytes mapped (8.0 KiB) in what is shown
      "
    `);
    expect(await dumped(trace, ['--view', 'raw', '--attr', 'table,nstable,!swsync'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 39 oas 48 non-coherent HD NS kernel 7.1
      0 entries
      "
    `);
  });
});
