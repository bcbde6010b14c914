import { describe, expect, it } from 'vitest';
import { dump, dumped, map, SMALL, type TraceLine } from './dump-trace.ts';

const ESCAPE = '\u001b[';

/** Three address spaces that live, one refused, one destroyed. */
const SEVERAL: readonly TraceLine[] = [
  { op: 'domain', id: 'gpu' },
  { op: 'domain', id: 'nic', tableBase: '0x200000000' },
  { op: 'domain', id: 'odd', pgsizes: [8192] },
  { op: 'domain', id: 'gone' },
  { op: 'domain', id: 'usb' },
  map('0x1000', '0x80001000', 0x1000, 'rw', { domain: 'gpu' }),
  map('0x5000', '0x90005000', 0x1000, 'rw', { domain: 'nic' }),
  map('0x1000', '0xa0001000', 0x1000, 'r', { domain: 'usb' }),
  { op: 'destroy', domain: 'gone' },
];

describe('several domains', () => {
  it('get a header each', async () => {
    expect(await dumped(SEVERAL, ['--view', 'ranges'])).toMatchInlineSnapshot(`
      "
      domain gpu  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x1000..0x2000    4K  1x4K   0x80001000..0x80002000  rw---- outer
      1 range, 4,096 bytes mapped (4.0 KiB)

      domain nic  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x5000..0x6000    4K  1x4K   0x90005000..0x90006000  rw---- outer
      1 range, 4,096 bytes mapped (4.0 KiB)

      domain odd  refused: page sizes 0x2000 hold no 4K, 16K or 64K granule

      domain gone  destroyed

      domain usb  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x1000..0x2000    4K  1x4K   0xa0001000..0xa0002000  r----- outer
      1 range, 4,096 bytes mapped (4.0 KiB)
      "
    `);
  });

  it('are walked where they map the address, and named where not', async () => {
    expect(await dumped(SEVERAL, ['--iova', '0x1000'])).toMatchInlineSnapshot(`
      "
      domain gpu  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x1000
        TTBR0  0x100000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100000000  0x0000000100003003  table 0x100003000
        L1    0  0x100003000  0x0000000100004003  table 0x100004000
        L2    0  0x100004000  0x0000000100005003  table 0x100005000
        L3    1  0x100005008  0x0000000080001e43  page  0x80001000 rw---- outer
      => 0x80001000  4K page  rw---- outer

      domain nic  0x1000 faults at level 3: nothing in 0x1000+4K
      domain odd  refused: page sizes 0x2000 hold no 4K, 16K or 64K granule
      domain gone  destroyed

      domain usb  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x1000
        TTBR0  0x100002000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x100002000  0x0000000100006003  table 0x100006000
        L1    0  0x100006000  0x0000000100007003  table 0x100007000
        L2    0  0x100007000  0x0000000100008003  table 0x100008000
        L3    1  0x100008008  0x00000000a0001ec3  page  0xa0001000 r----- outer
      => 0xa0001000  4K page  r----- outer
      "
    `);
    expect(await dumped(SEVERAL, ['--iova', '0x1000', '--json'])).toMatchInlineSnapshot(`
      "
      {"kind":"domain","domain":"gpu","state":"live","format":"ARM_64_LPAE_S1","pgsizes":"0x40201000","ias":48,"oas":48,"coherent":true,"quirks":[],"kernel":"7.1"}
      {"kind":"root","domain":"gpu","register":"TTBR0","value":"0x100000000","tcr":{"ips":5,"tg":0,"sh":3,"orgn":1,"irgn":1,"tsz":16},"mair":"0xfffffffff404ff44"}
      {"kind":"entry","domain":"gpu","level":0,"table":"0x100000000","index":0,"address":"0x100000000","pte":"0x100003003","type":"table","next":"0x100003000","flags":[]}
      {"kind":"entry","domain":"gpu","level":1,"table":"0x100003000","index":0,"address":"0x100003000","pte":"0x100004003","type":"table","next":"0x100004000","flags":[]}
      {"kind":"entry","domain":"gpu","level":2,"table":"0x100004000","index":0,"address":"0x100004000","pte":"0x100005003","type":"table","next":"0x100005000","flags":[]}
      {"kind":"entry","domain":"gpu","level":3,"table":"0x100005000","index":1,"address":"0x100005008","pte":"0x80001e43","type":"page","paddr":"0x80001000","prot":"rw","share":"outer","attrIndex":0,"flags":[]}
      {"kind":"result","domain":"gpu","iova":"0x1000","found":true,"paddr":"0x80001000","level":3,"pageSize":4096}
      {"kind":"domain","domain":"nic","state":"live","format":"ARM_64_LPAE_S1","pgsizes":"0x40201000","ias":48,"oas":48,"coherent":true,"quirks":[],"kernel":"7.1"}
      {"kind":"result","domain":"nic","iova":"0x1000","found":false,"faultLevel":3,"hole":{"iova":"0x1000","size":4096}}
      {"kind":"domain","domain":"odd","state":"refused","reason":"page sizes 0x2000 hold no 4K, 16K or 64K granule","format":"ARM_64_LPAE_S1","pgsizes":"0x2000","ias":48,"oas":48,"coherent":true,"quirks":[],"kernel":"7.1"}
      {"kind":"result","domain":"odd","found":false,"reason":"refused: page sizes 0x2000 hold no 4K, 16K or 64K granule"}
      {"kind":"domain","domain":"gone","state":"destroyed","format":"ARM_64_LPAE_S1","pgsizes":"0x40201000","ias":48,"oas":48,"coherent":true,"quirks":[],"kernel":"7.1"}
      {"kind":"result","domain":"gone","found":false,"reason":"destroyed"}
      {"kind":"domain","domain":"usb","state":"live","format":"ARM_64_LPAE_S1","pgsizes":"0x40201000","ias":48,"oas":48,"coherent":true,"quirks":[],"kernel":"7.1"}
      {"kind":"root","domain":"usb","register":"TTBR0","value":"0x100002000","tcr":{"ips":5,"tg":0,"sh":3,"orgn":1,"irgn":1,"tsz":16},"mair":"0xfffffffff404ff44"}
      {"kind":"entry","domain":"usb","level":0,"table":"0x100002000","index":0,"address":"0x100002000","pte":"0x100006003","type":"table","next":"0x100006000","flags":[]}
      {"kind":"entry","domain":"usb","level":1,"table":"0x100006000","index":0,"address":"0x100006000","pte":"0x100007003","type":"table","next":"0x100007000","flags":[]}
      {"kind":"entry","domain":"usb","level":2,"table":"0x100007000","index":0,"address":"0x100007000","pte":"0x100008003","type":"table","next":"0x100008000","flags":[]}
      {"kind":"entry","domain":"usb","level":3,"table":"0x100008000","index":1,"address":"0x100008008","pte":"0xa0001ec3","type":"page","paddr":"0xa0001000","prot":"r","share":"outer","attrIndex":0,"flags":[]}
      {"kind":"result","domain":"usb","iova":"0x1000","found":true,"paddr":"0xa0001000","level":3,"pageSize":4096}
      "
    `);
  });

  it('are chosen by --domain', async () => {
    expect(await dumped(SEVERAL, ['--domain', 'nic', '--iova', '0x1000'])).toMatchInlineSnapshot(`
      "
      domain nic  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      walk of 0x1000
        TTBR0  0x200000000
        TCR    ips 5, tg 0, sh 3, orgn 1, irgn 1, tsz 16
        MAIR   0xfffffffff404ff44
        lv  idx  entry at     entry               decoded
        L0    0  0x200000000  0x0000000200001003  table 0x200001000
        L1    0  0x200001000  0x0000000200002003  table 0x200002000
        L2    0  0x200002000  0x0000000200003003  table 0x200003000
        L3    1  0x200003008  0x0000000000000000  empty
      => fault at level 3: entry 1 of table 0x200003000 is empty
         nothing is mapped in 0x1000+4K
      "
    `);
    const unknown = await dump(SEVERAL, ['--domain', 'wifi']);
    expect(unknown).toEqual({
      code: 2,
      stdout: '',
      stderr: 'pgtrace: --domain "wifi": no such domain; there is gpu, nic, odd, gone, usb\n',
    });
  });

  it('leave only the last of one id', async () => {
    const again = [
      ...SEVERAL,
      { op: 'domain', id: 'gone', ias: 39 },
      map('0x0', '0x0', 4096, 'rw', { domain: 'gone' }),
    ];
    const lines = (await dumped(again, ['--view', 'raw', '--domain', 'gone', '--json'])).trim().split('\n');
    expect(lines).toHaveLength(3);
    expect((await dumped(again)).split('\n').filter((line) => line.startsWith('domain gone'))).toHaveLength(1);
  });

  it('have names that cannot reach into the terminal', async () => {
    const { stdout } = await dump([{ op: 'domain', id: 'a\u001b[2Jb' }]);
    expect(stdout).toContain('domain a\\x1b[2Jb  ARM');
  });
});

describe('--at', () => {
  it('shows the state after an event', async () => {
    expect(await dumped(SMALL, ['--at', '1', '--view', 'ranges'])).toMatchInlineSnapshot(`
      "
      domain d0  ARM_64_LPAE_S1 4K 2M 1G ias 48 oas 48 coherent kernel 7.1
      iova            size  pages  paddr                   attributes
      0x3000..0x6000   12K  3x4K   0x80003000..0x80006000  rwc--- inner
      1 range, 12,288 bytes mapped (12.0 KiB)
      "
    `);
    expect(await dumped(SMALL, ['--at', '7'])).toBe(await dumped(SMALL));
  });

  it('is a usage error beyond the end', async () => {
    const result = await dump(SMALL, ['--at', '8']);
    expect(result).toEqual({ code: 2, stdout: '', stderr: 'pgtrace: --at 8: the trace has 8 events, 0 to 7\n' });
    expect((await dump(SMALL, ['--at', '-1'])).stderr).toContain('it takes the number of an event, counted from 0');
  });

  it('may come before any domain', async () => {
    const result = await dump([{ op: 'trace', version: 1 }, ...SMALL], ['--at', '0']);
    expect(result).toEqual({ code: 0, stdout: '', stderr: 'pgtrace: note: there is no domain after 1 event\n' });
  });

  it('does not meet what is wrong behind the event', async () => {
    const broken = `${SMALL.map((line) => JSON.stringify(line)).join('\n')}\n{"op":\n`;
    expect((await dump(broken, ['--at', '7'])).code).toBe(0);
    expect((await dump(broken, ['--at', '8'])).code).toBe(3);
  });
});

describe('an input that breaks off', () => {
  const broken = `${SMALL.map((line) => JSON.stringify(line)).join('\n')}\n{"op":\n`;

  it('still gives the tables built before', async () => {
    const { code, stdout, stderr } = await dump(broken, ['--view', 'raw', '--json']);
    expect(code).toBe(3);
    expect(`\n${stdout}`).toBe(await dumped(SMALL, ['--view', 'raw', '--json']));
    expect(stderr).toMatch(/^pgtrace: <stdin>:9:\d+: /);
  });

  it('is the message, not a domain that it never came to', async () => {
    const { code, stderr } = await dump(broken, ['--domain', 'later']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^pgtrace: <stdin>:9:\d+: /);
  });
});

describe('notes', () => {
  it('go to stderr, unless quiet', async () => {
    const assumed = [{ op: 'map', iova: '0x1000', paddr: '0x1000', size: 4096 }];
    const { stdout, stderr } = await dump(assumed);
    expect(stderr).toContain('pgtrace: note: no domain event');
    expect(stdout).toContain('1x4K');
    expect((await dump(assumed, ['--quiet'])).stderr).toBe('');
  });
});

describe('colour', () => {
  const terminal = { columns: 100, colors: true };

  it('is on a terminal, where it means something', async () => {
    const { stdout } = await dump(SMALL, ['--iova', '0x40000000'], { terminal });
    expect(stdout).toContain(`${ESCAPE}31m=> fault at level 3`);
    expect((await dump(SMALL, [], { terminal })).stdout).toContain(`${ESCAPE}33m0/512 live`);
  });

  it('is nowhere else', async () => {
    for (const [args, options] of [
      [[], {}],
      [['--color', 'never'], { terminal }],
      [[], { terminal, env: { NO_COLOR: '1' } }],
      [['--json'], { terminal }],
    ] as const) {
      expect((await dump(SMALL, args, options)).stdout).not.toContain(ESCAPE);
    }
    expect((await dump(SMALL, ['--color', 'always'])).stdout).toContain(ESCAPE);
  });
});
