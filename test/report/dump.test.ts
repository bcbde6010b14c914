import { describe, expect, it } from 'vitest';
import { dump, dumped, SMALL } from './dump-trace.ts';

/** The JSON lines after the one that describes the domain. */
const json = async (args: readonly string[]): Promise<string> =>
  (await dumped(SMALL, ['--json', ...args])).split('\n').slice(2).join('\n');

describe('the tree view', () => {
  it('indents tables in tables and folds leaves that follow each other', async () => {
    expect(await dumped(SMALL)).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      L0 table 0x100000000  1/512 live  4K
        0          0x00000000  L1 table 0x100001000  2/512 live  4K
          0        0x00000000  L2 table 0x100002000  4/512 live  4K
            0      0x00000000  L3 table 0x100003000  6/512 live  4K
              3-5  0x00003000  3x4K  0x080003000  rwc--- inner
              6    0x00006000  1x4K  0x080006000  r--n-- outer
              7-8  0x00007000  2x4K  0x090000000  r--n-- outer
            1-2    0x00200000  2x2M  0x080200000  rwc--- inner
            3      0x00600000  L3 table 0x100004000  1/512 live  4K
              0    0x00600000  1x4K  0x080600000  rwc--- inner
          1        0x40000000  L2 table 0x100005000  1/512 live  4K
            0      0x40000000  L3 table 0x100006000  0/512 live  4K
      7 tables (28K), 9 leaves, 4,222,976 bytes mapped (4.0 MiB)
      "
    `);
  });

  it('shows the way to what filters select, and no more', async () => {
    expect(await dumped(SMALL, ['--view', 'tree', '--attr', 'n'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      L0 table 0x100000000  1/512 live  4K
        0          0x00000000  L1 table 0x100001000  2/512 live  4K
          0        0x00000000  L2 table 0x100002000  4/512 live  4K
            0      0x00000000  L3 table 0x100003000  6/512 live  4K
              6    0x00006000  1x4K  0x080006000  r--n-- outer
              7-8  0x00007000  2x4K  0x090000000  r--n-- outer
      4 tables (16K), 3 leaves, 12,288 bytes mapped (12.0 KiB) in what is shown
      "
    `);
    expect(await dumped(SMALL, ['--level', '2'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      L0 table 0x100000000  1/512 live  4K
        0        0x00000000  L1 table 0x100001000  2/512 live  4K
          0      0x00000000  L2 table 0x100002000  4/512 live  4K
            0    0x00000000  L3 table 0x100003000  6/512 live  4K
            1-2  0x00200000  2x2M  0x080200000  rwc--- inner
            3    0x00600000  L3 table 0x100004000  1/512 live  4K
          1      0x40000000  L2 table 0x100005000  1/512 live  4K
            0    0x40000000  L3 table 0x100006000  0/512 live  4K
      7 tables (28K), 2 leaves, 4,194,304 bytes mapped (4.0 MiB) in what is shown
      "
    `);
    expect(await dumped(SMALL, ['--view', 'tree', '--iova', '0x3fffffff..0x40000001'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      L0 table 0x100000000  1/512 live  4K
        0      0x00000000  L1 table 0x100001000  2/512 live  4K
          0    0x00000000  L2 table 0x100002000  4/512 live  4K
          1    0x40000000  L2 table 0x100005000  1/512 live  4K
            0  0x40000000  L3 table 0x100006000  0/512 live  4K
      5 tables (20K), 0 leaves, 0 bytes mapped in what is shown
      "
    `);
  });

  it('gives one JSON object per table and per fold', async () => {
    expect(await json(['--attr', 'n'])).toMatchInlineSnapshot(`
      "{"kind":"table","domain":"d0","level":0,"table":"0x100000000","entries":512,"live":1,"bytes":4096}
      {"kind":"table","domain":"d0","level":1,"table":"0x100001000","parent":"0x100000000","index":0,"iova":"0x0","flags":[],"entries":512,"live":2,"bytes":4096}
      {"kind":"table","domain":"d0","level":2,"table":"0x100002000","parent":"0x100001000","index":0,"iova":"0x0","flags":[],"entries":512,"live":4,"bytes":4096}
      {"kind":"table","domain":"d0","level":3,"table":"0x100003000","parent":"0x100002000","index":0,"iova":"0x0","flags":[],"entries":512,"live":6,"bytes":4096}
      {"kind":"leaves","domain":"d0","level":3,"table":"0x100003000","index":6,"count":1,"iova":"0x6000","pageSize":4096,"paddr":"0x80006000","prot":"rn","share":"outer","attrIndex":0,"flags":[]}
      {"kind":"leaves","domain":"d0","level":3,"table":"0x100003000","index":7,"count":2,"iova":"0x7000","pageSize":4096,"paddr":"0x90000000","prot":"rn","share":"outer","attrIndex":0,"flags":[]}
      "
    `);
  });
});

describe('the ranges view', () => {
  it('merges over page sizes by attributes and physical address', async () => {
    expect(await dumped(SMALL, ['--view', 'ranges'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova                 size  pages      paddr                   attributes
      0x003000..0x006000    12K  3x4K       0x80003000..0x80006000  rwc--- inner
      0x006000..0x007000     4K  1x4K       0x80006000..0x80007000  r--n-- outer
      0x007000..0x009000     8K  2x4K       0x90000000..0x90002000  r--n-- outer
      0x200000..0x601000  4100K  2x2M 1x4K  0x80200000..0x80601000  rwc--- inner
      4 ranges, 4,222,976 bytes mapped (4.0 MiB)
      "
    `);
  });

  it('merges by attributes alone, or not at all', async () => {
    expect(await dumped(SMALL, ['--view', 'ranges', '--merge', 'attrs'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova                 size  pages      paddr                   attributes
      0x003000..0x006000    12K  3x4K       0x80003000..0x80006000  rwc--- inner
      0x006000..0x009000    12K  3x4K       scattered               r--n-- outer
      0x200000..0x601000  4100K  2x2M 1x4K  0x80200000..0x80601000  rwc--- inner
      3 ranges, 4,222,976 bytes mapped (4.0 MiB)
      "
    `);
    expect(await dumped(SMALL, ['--view', 'ranges', '--merge', 'none', '--level', '3'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova                size  pages  paddr                   attributes
      0x003000..0x004000    4K  1x4K   0x80003000..0x80004000  rwc--- inner
      0x004000..0x005000    4K  1x4K   0x80004000..0x80005000  rwc--- inner
      0x005000..0x006000    4K  1x4K   0x80005000..0x80006000  rwc--- inner
      0x006000..0x007000    4K  1x4K   0x80006000..0x80007000  r--n-- outer
      0x007000..0x008000    4K  1x4K   0x90000000..0x90001000  r--n-- outer
      0x008000..0x009000    4K  1x4K   0x90001000..0x90002000  r--n-- outer
      0x600000..0x601000    4K  1x4K   0x80600000..0x80601000  rwc--- inner
      7 ranges, 28,672 bytes mapped (28.0 KiB) in what is shown
      "
    `);
  });

  it('cuts at the bounds of --iova, and not at a single address', async () => {
    expect(await dumped(SMALL, ['--iova', '0x4800..0x400000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova                size  pages  paddr                   attributes
      0x004800..0x006000    6K  2x4K   0x80004800..0x80006000  rwc--- inner
      0x006000..0x007000    4K  1x4K   0x80006000..0x80007000  r--n-- outer
      0x007000..0x009000    8K  2x4K   0x90000000..0x90002000  r--n-- outer
      0x200000..0x400000    2M  1x2M   0x80200000..0x80400000  rwc--- inner
      4 ranges, 2,115,584 bytes mapped (2.0 MiB) in 0x4800..0x400000
      "
    `);
    expect(await dumped(SMALL, ['--iova', '0x4800+2K'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x4800..0x5000    2K  1x4K   0x80004800..0x80005000  rwc--- inner
      1 range, 2,048 bytes mapped (2.0 KiB) in 0x4800..0x5000
      "
    `);
    expect(await dumped(SMALL, ['--view', 'ranges', '--iova', '0x4800'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x4000..0x5000    4K  1x4K   0x80004000..0x80005000  rwc--- inner
      1 range, 4,096 bytes mapped (4.0 KiB) at 0x4800
      "
    `);
    expect(await dumped(SMALL, ['--iova', '0x900000..0xa00000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      0 ranges, 0 bytes mapped in 0x900000..0xa00000
      "
    `);
  });

  it('gives one JSON object per range and a total', async () => {
    expect(await json(['--view', 'ranges', '--merge', 'attrs', '--iova', '0x6000..0x300000'])).toMatchInlineSnapshot(`
      "{"kind":"range","domain":"d0","iova":"0x6000","size":12288,"paddr":"0x80006000","contiguous":false,"pages":[{"level":3,"size":4096,"count":3}],"prot":"rn","share":"outer","attrIndex":0,"flags":[]}
      {"kind":"range","domain":"d0","iova":"0x200000","size":1048576,"paddr":"0x80200000","contiguous":true,"pages":[{"level":2,"size":2097152,"count":1}],"prot":"rwc","share":"inner","attrIndex":1,"flags":[]}
      {"kind":"total","domain":"d0","ranges":2,"bytes":1060864}
      "
    `);
  });

  it('leaves the end of physical ranges out where the terminal is narrow', async () => {
    const narrow = await dump(SMALL, ['--view', 'ranges'], { terminal: { columns: 70, colors: false } });
    expect(`\n${narrow.stdout}`).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova                 size  pages      paddr       attributes
      0x003000..0x006000    12K  3x4K       0x80003000  rwc--- inner
      0x006000..0x007000     4K  1x4K       0x80006000  r--n-- outer
      0x007000..0x009000     8K  2x4K       0x90000000  r--n-- outer
      0x200000..0x601000  4100K  2x2M 1x4K  0x80200000  rwc--- inner
      4 ranges, 4,222,976 bytes mapped (4.0 MiB)
      "
    `);
  });
});
