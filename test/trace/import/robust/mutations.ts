import type { Random } from './random.ts';

/** Changes an input; `other` is a second one for splices. */
type Mutation = (data: Buffer, random: Random, other: Buffer) => Buffer;

/** What stands where a number was. */
const EXTREMES = [
  ...['0', '1', '-1', '-4096', '4095', '4096', '2147483648', '4294967296', '68719476736'],
  ...['9007199254740991', '9007199254740992', '9223372036854775808', '18446744073709551615', '18446744073709551616'],
  ...['0x0', '0x1', '0xffffffff', '0x40000000', '0x1fffffffffffff', '0x20000000000000', '0xfffffffffffff000'],
  ...['0xffffffffffffffff', '0x10000000000000000', 'ffffffffffffffff', '1e9', '1.5', '.', '1.', '', 'nan', '(nil)'],
  ...['9'.repeat(400), `${'0'.repeat(300)}1`, `0x${'f'.repeat(200)}`, '7'.repeat(15_000), `0x${'8'.repeat(15_000)}`],
];
const BAD_TEXT = [
  ...[
    '\0',
    '\0\0\0\0',
    '\r',
    '\xff',
    '\xc3',
    '\xed\xa0\x80',
    '\xf4\x90\x80\x80',
    '\xef\xbb\xbf',
    '\xe2\x80\xa8',
    '\x1b[0m',
  ],
  ...['\n', '\n\n', '"', '{', '<', '> ', '\t', '#', '-1 [000]', '-1 [', ' => ', '# tracer: raw\n', '\\', '%', '\v'],
];
const REPEATED = [
  ...[
    ' ',
    '\t',
    'a',
    '1',
    '0',
    '-',
    '-1',
    '-1 ',
    '1 ',
    '[',
    '[0',
    '-1 [0',
    '-1 [0] ',
    '(',
    ')',
    '<-',
    '(<-',
    'a)',
    ': ',
  ],
  ...[
    '=',
    'x=',
    '"',
    ',',
    '0x',
    '{',
    ' dma_addrs={',
    'iova=',
    ' iova=0x1',
    '> ',
    '>',
    '\r',
    '\0',
    '\xff',
    ' a=b',
    '1.',
    ':',
  ],
  ...['-1 1d.... ', ' 1 [0] 1.0: ', ' 1 1 1 ', '[LOST ', 'iommu:', 'map: ', 'IOMMU:', 'x ', ' kernel: ', '\u2028'],
];
const LENGTHS = [40, 400, 4000, 16_000, 70_000];

function slices(data: Buffer, cuts: readonly number[], ...order: readonly number[]): Buffer {
  const parts = [0, ...cuts].map((from, i) => data.subarray(from, cuts[i] ?? data.length));
  return Buffer.concat(order.map((part) => parts[part]));
}

/** Places within an input, rising. */
function places(data: Buffer, random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.below(data.length + 1)).sort((a, b) => a - b);
}

/** A place and another shortly behind it. */
function stretch(data: Buffer, random: Random): [number, number] {
  const from = random.below(data.length + 1);
  return [from, Math.min(data.length, from + 1 + random.below(random.oneIn(4) ? 4096 : 24))];
}

function insert(data: Buffer, at: number, text: string): Buffer {
  return Buffer.concat([data.subarray(0, at), Buffer.from(text, 'latin1'), data.subarray(at)]);
}

function patched(data: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(data);
  for (let left = 1 + random.below(4); left > 0 && copy.length > 0; left--) {
    const at = random.below(copy.length);
    copy[at] = change(copy[at]);
  }
  return copy;
}

/** Reorders the lines of a text. */
function lines(change: (list: string[], random: Random, other: string[]) => void): Mutation {
  return (data, random, other) => {
    const list = data.toString('latin1').split('\n');
    change(list, random, other.toString('latin1').split('\n'));
    return Buffer.from(list.join('\n'), 'latin1');
  };
}

/** Replaces one of the numbers, or several that are the same kind. */
const number: Mutation = (data, random) => {
  const text = data.toString('latin1');
  const form = random.pick([/0x[\da-f]+/g, /\d+/g, /(?<==)\w+/g, /(?<=size=)\w+/g, /(?<=[-[ ])\d+/g]);
  const found = [...text.matchAll(form)];
  if (found.length === 0) return data;
  const { index, 0: old } = random.pick(found);
  const by = random.pick(EXTREMES);
  if (random.oneIn(4)) return Buffer.from(text.replaceAll(old, by), 'latin1');
  return Buffer.from(text.slice(0, index) + by + text.slice(index + old.length), 'latin1');
};

const longLine: Mutation = (data, random) => {
  const morsel = random.pick(REPEATED);
  const text = morsel.repeat(Math.ceil(random.pick(LENGTHS) / morsel.length));
  const at = random.below(data.length + 1);
  // At the start of a line, within it, or as its end.
  const place = random.oneIn(2) ? data.indexOf(10, at) : at;
  return insert(data, place < 0 ? data.length : place + random.below(2), text);
};

const ANY: readonly Mutation[] = [
  (data, random) => patched(data, random, (byte) => byte ^ (1 << random.below(8))),
  (data, random) => patched(data, random, () => random.below(256)),
  (data, random) => slices(data, stretch(data, random), 0, 2),
  (data, random) => slices(data, stretch(data, random), 0, 1, 1, 2),
  (data, random) => slices(data, places(data, random, 3), 0, 2, 1, 3),
  (data, random) => data.subarray(0, random.below(data.length + 1)),
  (data, random) => data.subarray(random.below(data.length + 1)),
  (data, random, other) =>
    Buffer.concat([data.subarray(0, random.below(data.length + 1)), other.subarray(random.below(other.length + 1))]),
  (data, random) => insert(data, random.below(data.length + 1), random.pick(BAD_TEXT)),
];

const OF_TEXT: readonly Mutation[] = [
  number,
  number,
  number,
  longLine,
  (data) => Buffer.from(data.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  (data, random) =>
    Buffer.from(data.toString('latin1').replace(/^/gm, random.pick(['> ', '\t', ' ', '<7>'])), 'latin1'),
  (data) => Buffer.from(data.toString('latin1').replace(/(.{60,76}) /g, '$1\n'), 'latin1'),
  lines((list, random) => {
    const at = random.below(list.length);
    [list[at], list[list.length - 1 - at]] = [list[list.length - 1 - at], list[at]];
  }),
  lines((list, random) => list.splice(random.below(list.length), 1)),
  lines((list, random) =>
    list.splice(random.below(list.length), 0, ...Array(1 + random.below(40)).fill(random.pick(list))),
  ),
  lines((list, random, other) => list.splice(random.below(list.length), 0, ...other.slice(0, 1 + random.below(8)))),
  lines(
    (list, random, other) =>
      list.splice(0, list.length, ...list.flatMap((line, i) => [line, other[i] ?? ''])) && random,
  ),
  // Parts of two lines make one.
  lines((list, random, other) => {
    const line = random.pick(list);
    const end = random.pick(other);
    list.push(line.slice(0, random.below(line.length + 1)) + end.slice(random.below(end.length + 1)));
  }),
];

const WORDS = [
  0n,
  1n,
  0x7fn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x1f_ffff_ffff_ffffn,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

const OF_BYTES: readonly Mutation[] = [
  (data, random) => {
    const copy = Buffer.from(data);
    const at = random.below(Math.max(1, copy.length - 8));
    // What matters most stands at aligned places near the start.
    const place = (random.oneIn(2) ? random.below(Math.min(copy.length, 1400)) : at) & (random.oneIn(3) ? -1 : -4);
    if (place + 8 <= copy.length) copy.writeBigUInt64LE(random.pick(WORDS), place);
    return copy;
  },
  (data, random) => {
    const copy = Buffer.from(data);
    const from = random.below(copy.length + 1);
    return copy.fill(random.pick([0, 0xff]), from, Math.min(copy.length, from + 1 + random.below(64)));
  },
];

/** `data` with some things changed, the number of changes mostly small. */
export function mutate(data: Buffer, isText: boolean, random: Random, other: Buffer): Buffer {
  const mutations = isText
    ? [...ANY, ...OF_TEXT]
    : [...ANY, ...ANY, ...OF_BYTES, ...OF_BYTES, ...OF_BYTES, ...OF_BYTES];
  let changed = data;
  const times = random.oneIn(20) ? 0 : 1 + random.below(random.oneIn(3) ? 8 : 2);
  for (let i = 0; i < times && changed.length < LARGEST; i++) changed = random.pick(mutations)(changed, random, other);
  return changed.subarray(0, LARGEST);
}

const LARGEST = 256 * 1024;
