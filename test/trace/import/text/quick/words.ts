import fc from 'fast-check';

/*
 * Lines that are alike, and lines that only look so: what tells a head, a time, an event and its fields from another is in
 * here, right and wrong.
 */

const COMMS = [
  ...[
    '            task',
    '              dd',
    '<idle>',
    '<...>',
    'kworker/u8:2-ev',
    ' kworker/0:1',
    'irq/24-AMD-Vi',
    'Thread-5',
  ],
  ...[
    'foo 12',
    'a-1 [000] b',
    'x -3',
    '-3',
    '7',
    'x/3 y',
    'odd [7] name-x',
    'a-1 (2',
    'task-98   [000] d....     7.1: x',
  ],
];
const AFTER = ['', ' ', '   ', '     ', '\t'];
const PIDS = ['98', '98', '229', '0', '12345678901', '-1', '1', ''];
const GROUPS = ['', '', '', '     (    235)', ' (-------)', '(5)', ' ('];
const CPUS = ['[000]', '[000]', '[001]', '[12345678901]', '[-01]', '[]', '[0', ''];
const FLAGS = ['d....', 'd....', 'd.h..', '.....s.', 'd', 'dz:', '5', '7.5', 'K', ''];
const TIMES = [
  ...['0.000007', '6.995812', '6.995813', '123.456789', '15.956585344', '9999999.999999999', '10000000.000001', '1.'],
  ...['.5', '4', '26400us!', '1.5.5', '99999999999.1', '1.0000000001', '0.1', '007.100000', '-1.5', ''],
];
const GAPS = [
  ': ',
  ': ',
  ':  ',
  ':                       ',
  ':',
  ' ',
  ': (+29)    ',
  ': 1 ',
  ':          1     ',
  ': \t',
];
const EVENTS = [
  ...['map: ', 'map: ', 'unmap: ', 'unmap: ', 'map:                  ', 'iommu:map: ', 'iommu:unmap: ', 'probe:map: '],
  ...['map_sg: ', 'map:', 'maps: ', 'iommu:map:x: ', 'dma_map_page: ', 'sched_switch: ', ''],
];
const LEADS = [
  'IOMMU: ',
  'IOMMU: ',
  'IOMMU: ',
  '',
  'IOMMU:',
  'IOMMU: IOMMU: ',
  'IOMMU:gfx ',
  'IOMMU: dev=a ',
  '(x+0x1/0x2) ',
];
const ADDRESSES = [
  ...['00000000fffff000', '0000000000001000', 'ffff000012345678', 'fffffffffffff000', '0000000100000000', '80000000'],
  ...['00000000fffff00g', '0000000 fffff000', '00000000FFFFF000', '00000000fffff0000', '', '1', '0000000:0000000/'],
];
const SIZES = [
  '4096',
  '4096',
  '0',
  '2097152',
  '999999999',
  '1000000000',
  '9007199254740993',
  '0x1000',
  '-1',
  '4096 ',
  '',
];

/** One of the first few mostly, of which lines are made that can be read. */
function of(texts: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...texts.slice(0, 3)) }, fc.constantFrom(...texts));
}

function prefixed(prefix: string, texts: readonly string[]): fc.Arbitrary<string> {
  return of(texts).map((text) => prefix + text);
}

const optional = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary }, fc.constant(''));

/** `comm-pid [cpu] flags ` and `comm pid [cpu] `, with the blanks that lie between. */
const HEAD = fc
  .tuple(
    of(COMMS),
    fc.constantFrom('-', '-', ' ', ' 5/'),
    of(PIDS),
    of(GROUPS),
    of(AFTER),
    of(CPUS),
    of(AFTER),
    of(FLAGS),
  )
  .map(
    ([comm, sign, pid, group, gap, cpu, space, flags]) =>
      `${comm}${sign}${pid}${group}${gap || ' '}${cpu} ${flags}${space} `,
  );

const FIELDS = fc
  .tuple(
    prefixed('iova=0x', ADDRESSES),
    optional(prefixed(' - 0x', ADDRESSES)),
    optional(prefixed(' paddr=0x', ADDRESSES)),
    prefixed(' size=', SIZES),
    optional(prefixed(' unmapped_size=', SIZES)),
  )
  .map((fields) => fields.join(''));

/** From the gap behind the time on. */
const REST = fc
  .tuple(of(GAPS), of(EVENTS), of(LEADS), FIELDS, fc.constantFrom('', '', '', '\r', ' ', ' prot=0x7', '\r\r'))
  .map((parts) => parts.join(''));

const RANGE = 'IOMMU: iova=0x00000000fffff000 - 0x0000000100000000';
const MAPPED = `${RANGE} paddr=0xffff000008090000 size=4096`;
const UNMAPPED = `${RANGE} size=2097152 unmapped_size=0`;
/** The beginnings and ends of lines that can be read, of each form of columns. */
const COMMON = [
  {
    heads: ['            task-98   [000] d....     ', '   <idle>-0    [001]    '],
    rests: [`: map: ${MAPPED}`, `: unmap: ${UNMAPPED}`, `: map:         ${MAPPED}\r`],
  },
  {
    heads: ['            task 98 [000]    ', '   a-b   5/98   [001]    '],
    rests: [`:                iommu:map: ${MAPPED}`, `:                iommu:unmap: ${UNMAPPED}`],
  },
] as const;

/** Most often one of some texts. */
function mostly(texts: readonly string[], others: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...texts) }, others);
}

/** A line without its line feed. */
function line({ heads, rests }: (typeof COMMON)[number]): fc.Arbitrary<string> {
  return fc
    .tuple(mostly(heads, HEAD), mostly(TIMES.slice(0, 5), of(TIMES)), mostly(rests, REST))
    .map((parts) => parts.join(''));
}

/** A place of a line where another byte stands: its share of the length, and the byte. */
const CHANGE = fc.tuple(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.integer({ min: 0, max: 255 }),
);

/** Lines that come one after another, made of a few, some with a byte changed. */
export const LINES = fc
  .constantFrom(...COMMON)
  .chain((common) =>
    fc.tuple(
      fc.array(line(common), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.option(CHANGE, { freq: 1 })), { minLength: 4, maxLength: 24 }),
    ),
  )
  .map(([lines, order]) => order.map(([which, change]) => changed(lines[which % lines.length], change)));

function changed(line: string, change: [number, number] | null): string {
  if (change === null || change[1] === 10) return line;
  const at = Math.floor(change[0] * line.length);
  return line.slice(0, at) + String.fromCharCode(change[1]) + line.slice(at + 1);
}
