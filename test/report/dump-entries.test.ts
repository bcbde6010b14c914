import { describe, expect, it } from 'vitest';
import { dump, dumped, SMALL } from './dump-trace.ts';

/** The JSON lines after the one that describes the domain. */
const json = async (args: readonly string[]): Promise<string> =>
  (await dumped(SMALL, ['--json', ...args])).split('\n').slice(2).join('\n');

describe('the walk view', () => {
  it('shows register, entries and the physical address', async () => {
    expect(await dumped(SMALL, ['--iova', '0x4abc'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x4abc
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0000000100001003  table 0x100001000
        L1    0  0x100001000  0x0000000100002003  table 0x100002000
        L2    0  0x100002000  0x0000000100003003  table 0x100003000
        L3    4  0x100003020  0x0000000080004f47  page  0x80004000 rwc--- inner
      => 0x80004abc  4K page  rwc--- inner
      "
    `);
  });

  it('says where the address faults', async () => {
    expect(await dumped(SMALL, ['--iova', '0x40000000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x40000000
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0000000100001003  table 0x100001000
        L1    1  0x100001008  0x0000000100005003  table 0x100005000
        L2    0  0x100005000  0x0000000100006003  table 0x100006000
        L3    0  0x100006000  0x0000000000000000  empty
      => fault at level 3: entry 0 of table 0x100006000 is empty
         nothing is mapped in 0x40000000+4K
      "
    `);
    expect(await dumped(SMALL, ['--iova', '0x8000000000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x8000000000
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    1  0x100000008  0x0000000000000000  empty
      => fault at level 0: entry 1 of table 0x100000000 is empty
         nothing is mapped in 0x8000000000+512G
      "
    `);
  });

  it('names every bit with --explain', async () => {
    expect(await dumped(SMALL, ['--iova', '0x6010', '--explain'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x6010
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0000000100001003  table 0x100001000
              [1:0]    type                  3  table
              [47:12]  next table  0x100001000  physical address
        L1    0  0x100001000  0x0000000100002003  table 0x100002000
              [1:0]    type                  3  table
              [47:12]  next table  0x100002000  physical address
        L2    0  0x100002000  0x0000000100003003  table 0x100003000
              [1:0]    type                  3  table
              [47:12]  next table  0x100003000  physical address
        L3    6  0x100003030  0x0060000080006ec3  page  0x80006000 r--n-- outer
              [1:0]    type               3  page
              [4:2]    AttrIndx           0  MAIR 0x44: normal, non-cacheable
              [5]      NS                 0  secure output, where the walker is secure
              [7:6]    AP                 3  read, privileged and unprivileged
              [9:8]    SH                 2  outer shareable
              [10]     AF                 1  accessed: no access flag fault
              [11]     nG                 1  not global: tagged with the ASID
              [47:12]  output    0x80006000  physical address
              [54:53]  XN                 3  execute-never
      => 0x80006010  4K page  r--n-- outer
      "
    `);
  });

  it('tells an address outside the table from one inside', async () => {
    expect(await dumped(SMALL, ['--iova', '0x1000000003000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x1000000003000
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0000000100001003  table 0x100001000
        L1    0  0x100001000  0x0000000100002003  table 0x100002000
        L2    0  0x100002000  0x0000000100003003  table 0x100003000
        L3    3  0x100003018  0x0000000080003f47  page  0x80003000 rwc--- inner
      outside the table, hardware faults: bits above ias 48 are not all zeros
      the kernel's look-up ignores them and answers for 0x3000
      => 0x80003000  4K page  rwc--- inner
      "
    `);
  });

  it('tells the look-up that the kernel answers with garbage', async () => {
    expect(await dumped(SMALL, ['--iova', '0xffffffffffffffff'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0xffffffffffffffff
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0  511  0x100000ff8  0x0000000000000000  empty
      outside the table, hardware faults: bits above ias 48 are not all zeros
      VIOLATION: the kernel's look-up of 2^64-1 returns an uninitialised variable
      "
    `);
    expect(await dumped(SMALL, ['--iova', '0xffffffffffffffff', '--kernel', '6.12'])).not.toContain('VIOLATION');
    expect((await json(['--iova', '0xffffffffffffffff'])).split('\n').at(-2)).toMatchInlineSnapshot(
      `"{"kind":"result","domain":"d0","iova":"0xffffffffffffffff","found":false,"faultLevel":0,"hole":{"iova":"0xff8000000000","size":549755813888},"undefined":true,"violation":"the kernel's look-up of 2^64-1 returns an uninitialised variable"}"`,
    );
  });

  it('gives JSON: the root, the entries, the result', async () => {
    expect(await json(['--iova', '0x4abc'])).toMatchInlineSnapshot(`
      "{"kind":"root","domain":"d0","register":"TTBR0","value":"0x100000000","tcr":{"ips":5,"tg":0,"sh":3,"orgn":1,"irgn":1,"tsz":16},"mair":"0xfffffffff404ff44"}
      {"kind":"entry","domain":"d0","level":0,"table":"0x100000000","index":0,"address":"0x100000000","pte":"0x100001003","type":"table","next":"0x100001000","flags":[]}
      {"kind":"entry","domain":"d0","level":1,"table":"0x100001000","index":0,"address":"0x100001000","pte":"0x100002003","type":"table","next":"0x100002000","flags":[]}
      {"kind":"entry","domain":"d0","level":2,"table":"0x100002000","index":0,"address":"0x100002000","pte":"0x100003003","type":"table","next":"0x100003000","flags":[]}
      {"kind":"entry","domain":"d0","level":3,"table":"0x100003000","index":4,"address":"0x100003020","pte":"0x80004f47","type":"page","paddr":"0x80004000","prot":"rwc","share":"inner","attrIndex":1,"flags":[]}
      {"kind":"result","domain":"d0","iova":"0x4abc","found":true,"paddr":"0x80004abc","level":3,"pageSize":4096}
      "
    `);
    expect((await json(['--iova', '0x40000000'])).split('\n').at(-2)).toMatchInlineSnapshot(
      `"{"kind":"result","domain":"d0","iova":"0x40000000","found":false,"faultLevel":3,"hole":{"iova":"0x40000000","size":4096}}"`,
    );
  });
});

describe('the raw view', () => {
  it('lists every entry, depth first', async () => {
    expect(await dumped(SMALL, ['--view', 'raw', '--iova', '0x6000..0x400000'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      lv  table        idx  iova      entry               decoded
      L0  0x100000000    0  0x000000  0x0000000100001003  table 0x100001000
      L1  0x100001000    0  0x000000  0x0000000100002003  table 0x100002000
      L2  0x100002000    0  0x000000  0x0000000100003003  table 0x100003000
      L3  0x100003000    6  0x006000  0x0060000080006ec3  page  0x080006000 r--n-- outer
      L3  0x100003000    7  0x007000  0x0060000090000ec3  page  0x090000000 r--n-- outer
      L3  0x100003000    8  0x008000  0x0060000090001ec3  page  0x090001000 r--n-- outer
      L2  0x100002000    1  0x200000  0x0000000080200f45  block 0x080200000 rwc--- inner
      7 entries
      "
    `);
  });

  it('filters by level and attributes', async () => {
    expect(await dumped(SMALL, ['--view', 'raw', '--level', '1-2', '--attr', 'table'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      lv  table        idx  iova        entry               decoded
      L1  0x100001000    0  0x00000000  0x0000000100002003  table 0x100002000
      L2  0x100002000    0  0x00000000  0x0000000100003003  table 0x100003000
      L2  0x100002000    3  0x00600000  0x0000000100004003  table 0x100004000
      L1  0x100001000    1  0x40000000  0x0000000100005003  table 0x100005000
      L2  0x100005000    0  0x40000000  0x0000000100006003  table 0x100006000
      5 entries
      "
    `);
  });

  it('keeps the line format that other tools read', async () => {
    expect(await dumped(SMALL, ['--view', 'raw', '--json', '--level', '0,2'])).toMatchInlineSnapshot(`
      "
      {"domain":"d0","level":0,"table":"0x100000000","index":0,"iova":"0x0","pte":"0x100001003"}
      {"domain":"d0","level":2,"table":"0x100002000","index":0,"iova":"0x0","pte":"0x100003003"}
      {"domain":"d0","level":2,"table":"0x100002000","index":1,"iova":"0x200000","pte":"0x80200f45"}
      {"domain":"d0","level":2,"table":"0x100002000","index":2,"iova":"0x400000","pte":"0x80400f45"}
      {"domain":"d0","level":2,"table":"0x100002000","index":3,"iova":"0x600000","pte":"0x100004003"}
      {"domain":"d0","level":2,"table":"0x100005000","index":0,"iova":"0x40000000","pte":"0x100006003"}
      "
    `);
  });

  it('leaves addresses out of the decoded column where the terminal is narrow', async () => {
    const args = ['--view', 'raw', '--attr', 'n'];
    const narrow = await dump(SMALL, args, { terminal: { columns: 80, colors: false } });
    expect(`\n${narrow.stdout}`).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      lv  table        idx  iova        entry               decoded
      L3  0x100003000    6  0x00006000  0x0060000080006ec3  page  r--n-- outer
      L3  0x100003000    7  0x00007000  0x0060000090000ec3  page  r--n-- outer
      L3  0x100003000    8  0x00008000  0x0060000090001ec3  page  r--n-- outer
      3 entries
      "
    `);
  });
});
