import { hexAddress } from '../../text/hex-address.ts';
import { NO_THREAD, type Reading, readingOf, unreadableFrom } from '../line-reader.ts';
import { hexCount, NOWHERE } from '../log-numbers.ts';

/*
 * What dynamic debug prints of drivers/iommu/iommu.c: `map:` and `unmap this:` are requests before they are tried,
 * `mapping:` and `unmapped:` are the calls that they are cut into. The first kernels with these messages print page sizes in
 * decimal and unmapped bytes in hex without `0x`; those whose calls are of one page print no count.
 */

const FIELDS = ': iova ';
const WORDS = ['unmap this', 'unmapped', 'mapping', 'map'] as const;
type Word = (typeof WORDS)[number];

const MAP = /^iova 0x([\da-f]{1,16}) pa 0x([\da-f]{1,16}) size (?:0x)?([\da-f]{1,14})$/;
const MAPPING =
  /^iova 0x([\da-f]{1,16}) pa 0x([\da-f]{1,16}) pgsize (?:0x([\da-f]{1,14})|(\d{1,15}))(?: count (\d{1,15}))?$/;
const UNMAP = /^iova 0x([\da-f]{1,16}) size (?:0x)?([\da-f]{1,14})$/;

/**
 * What stands before the word: `iommu: `, and with more flags of dynamic debug than `p` also `[pid] module:function:line: `
 * (dynamic_debug.c:__dynamic_emit_prefix). Other drivers that copied these texts have another name.
 */
const IOMMU = /(?:^|[\s:])(?:\w{0,16}iommu\w{0,24})\s*(?::|$)/;
const LONGEST_LEAD = 200;
const TASK = /^\[(\d{1,10})\] /;

/** What such a message says; null for any other. */
export function readIommuLog(message: string): Reading | null {
  const at = message.indexOf(FIELDS);
  if (at < 0 || at > LONGEST_LEAD) return null;
  const word = WORDS.find((text) => message.endsWith(text, at));
  if (word === undefined) return null;
  const lead = message.slice(0, at - word.length);
  if (!/\s$/.test(lead) || !IOMMU.test(lead)) return null;
  const fields = at + 2;
  return readFields(word, message.slice(fields).trimEnd()) ?? unreadableFrom(fields);
}

/** The task that the flag `t` of dynamic debug printed; `log` when there is none. */
export function taskOf(message: string): string {
  const match = TASK.exec(message);
  return match === null ? NO_THREAD : `T${match[1]}`;
}

function readFields(word: Word, fields: string): Reading | null {
  if (word === 'map') return readMap(fields);
  if (word === 'mapping') return readMapping(fields);
  const match = UNMAP.exec(fields);
  const size = match === null ? -1 : hexCount(match[2]);
  if (match === null || size < 0) return null;
  const iova = hexAddress(match[1]);
  if (word === 'unmapped')
    return readingOf({ kind: 'logged-call', isMap: false, iova, paddr: NOWHERE, pgsize: null, bytes: size });
  return readingOf({ kind: 'iommu-unmap', name: null, iova, size, unmapped: null, logged: true });
}

function readMap(fields: string): Reading | null {
  const match = MAP.exec(fields);
  const size = match === null ? -1 : hexCount(match[3]);
  if (match === null || size < 0) return null;
  const iova = hexAddress(match[1]);
  const paddr = hexAddress(match[2]);
  return readingOf({ kind: 'iommu-map', name: null, iova, paddr, size, prot: null, ret: null, logged: true });
}

function readMapping(fields: string): Reading | null {
  const match = MAPPING.exec(fields);
  if (match === null) return null;
  const pgsize = match[3] === undefined ? Number(match[4]) : hexCount(match[3]);
  const bytes = pgsize * Number(match[5] ?? 1);
  if (pgsize < 1 || !Number.isSafeInteger(bytes)) return null;
  const iova = hexAddress(match[1]);
  const paddr = hexAddress(match[2]);
  return readingOf({ kind: 'logged-call', isMap: true, iova, paddr, pgsize, bytes });
}
