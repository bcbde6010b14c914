import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Format, PROT_ALL, PROT_LETTERS, type Quirk } from '../../src/base/vocabulary.ts';
import { DEFAULT_CONFIG, restrictConfig } from '../../src/lpae/format/config.ts';
import {
  type DescriptorContext,
  decodeDescriptor,
  descriptorText,
  leafText,
  protColumn,
  protLetters,
  sameAttributes,
} from '../../src/lpae/format/decode-descriptor.ts';
import { attributeTable, leafType, packHi, packLo } from '../../src/lpae/format/descriptor.ts';
import { explainDescriptor } from '../../src/lpae/format/explain-descriptor.ts';
import { geometryOf } from '../../src/lpae/format/geometry.ts';
import { registersOf } from '../../src/lpae/format/registers.ts';

function contextOf(format: Format, quirks: readonly Quirk[] = [], pgsizes = 0x40201000, oas = 40): DescriptorContext {
  const cpuPageSize = pgsizes === 0x40201000 ? 4096 : 65536;
  const asked = {
    ...DEFAULT_CONFIG,
    format,
    quirks,
    pgsizes,
    cpuPageSize,
    ias: format === 'ARM_32_LPAE_S1' ? 32 : 40,
    oas,
  };
  const config = restrictConfig(asked);
  return { config, granule64K: cpuPageSize === 65536, registers: registersOf(config, geometryOf(config)) };
}

const CONTEXTS: readonly (readonly [name: string, context: DescriptorContext])[] = [
  ['stage 1', contextOf('ARM_64_LPAE_S1')],
  ['stage 1, NS', contextOf('ARM_64_LPAE_S1', ['NS'])],
  ['stage 1, HD', contextOf('ARM_64_LPAE_S1', ['HD'])],
  ['stage 1, 52 bits', contextOf('ARM_64_LPAE_S1', [], 0x20010000, 52)],
  ['stage 1, 32-bit', contextOf('ARM_32_LPAE_S1')],
  ['stage 2', contextOf('ARM_64_LPAE_S2')],
  ['stage 2, S2FWB', contextOf('ARM_64_LPAE_S2', ['S2FWB'])],
  ['stage 2, 32-bit', contextOf('ARM_32_LPAE_S2')],
  ['Mali', contextOf('ARM_MALI_LPAE')],
];

/** What a format can tell of a protection: the letters that come back. */
function kept(format: Format, prot: number): number {
  const { r, w, c, m, p } = PROT_LETTERS;
  if (format.endsWith('_S1')) return (prot & r) !== 0 && (prot & w) === 0 ? prot : prot | r | w;
  const withoutPriv = prot & ~p;
  return format === 'ARM_MALI_LPAE' && (prot & m) !== 0 ? withoutPriv & ~c : withoutPriv;
}

/** A leaf as the engine writes it. */
function leaf(
  context: DescriptorContext,
  level: number,
  prot: number,
  paddrHi: number,
  paddrLo: number,
): [number, number] {
  const attributes = attributeTable(context.config);
  const lo = attributes[2 * prot] | leafType(context.config.format, level) | packLo(paddrHi, paddrLo);
  return [(attributes[2 * prot + 1] | packHi(paddrHi)) >>> 0, lo >>> 0];
}

describe.each(CONTEXTS)('a leaf of %s', (_, context) => {
  const { format } = context.config;

  it('gives back address and every letter that the format holds', () => {
    const frames = context.granule64K ? { max: 2 ** 36 - 1, shift: 16 } : { max: 2 ** 28 - 1, shift: 12 };
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: PROT_ALL }),
        fc.nat(frames.max),
        fc.constantFrom(2, 3),
        (prot, frame, level) => {
          const address = frame * 2 ** frames.shift;
          const [hi, lo] = leaf(context, level, prot, Math.floor(address / 2 ** 32), address >>> 0);
          const decoded = decodeDescriptor(context, level, hi, lo);
          expect(decoded.kind).toBe(level === 3 ? 'page' : 'block');
          expect(decoded.addressHi * 2 ** 32 + decoded.addressLo).toBe(address);
          expect(protLetters(decoded.prot)).toBe(protLetters(kept(format, prot)));
          expect(decoded.flags).not.toContain('oddmem');
        },
      ),
    );
  });

  it('has letters that give the same bits again', () => {
    for (let prot = 0; prot <= PROT_ALL; prot++) {
      const [hi, lo] = leaf(context, 3, prot, 0, 0x12340000);
      const again = leaf(context, 3, decodeDescriptor(context, 3, hi, lo).prot, 0, 0x12340000);
      expect(again).toEqual([hi, lo]);
    }
  });

  it('has a name for every set bit', () => {
    for (let prot = 0; prot <= PROT_ALL; prot++) {
      const [hi, lo] = leaf(context, 3, prot, 0, 0x12340000);
      expect(explainDescriptor(context, 3, hi, lo).map((field) => field.name)).not.toContain('?');
    }
  });
});

describe('decoding', () => {
  const [stage1, hd, stage2, mali] = ['stage 1', 'stage 1, HD', 'stage 2', 'Mali'].map(
    (name) => CONTEXTS.find(([candidate]) => candidate === name)?.[1] as DescriptorContext,
  );
  const text = (context: DescriptorContext, level: number, hi: number, lo: number): string =>
    descriptorText(decodeDescriptor(context, level, hi, lo));

  it('tells kinds apart', () => {
    expect(text(stage1, 0, 0, 0)).toBe('empty');
    expect(text(stage1, 2, 1, 0x00001003)).toBe('table 0x100001000');
    expect(text(stage1, 2, 0x80800001, 0x00001003)).toBe('table 0x100001000 swsync nstable');
    expect(text(stage1, 2, 0, 0x80200f45)).toBe('block 0x80200000 rwc--- inner');
    expect(text(stage1, 3, 0, 0x80200f47)).toBe('page  0x80200000 rwc--- inner');
    expect(text(stage1, 3, 0, 0x80200f45)).toBe('neither table nor leaf');
    expect(text(mali, 3, 0, 0x80200245)).toBe('page  0x80200000 r-c--- outer');
    expect(text(mali, 3, 0, 0x80200247)).toBe('neither table nor leaf');
  });

  it('tells dirty from clean leaves, both writable', () => {
    const dirty = decodeDescriptor(hd, 3, 0x00080000, 0x80000f47);
    const clean = decodeDescriptor(hd, 3, 0x00080000, 0x80000fc7);
    expect(leafText(dirty)).toBe('rwc--- inner dirty');
    expect(leafText(clean)).toBe('rwc--- inner clean');
    expect(sameAttributes(0x00080000, 0x80000f47, 0x00080000, 0x80000fc7)).toBe(false);
    expect(sameAttributes(0x00080001, 0x90000f45, 0x00080000, 0x80000f47)).toBe(true);
  });

  it('says what is unusual', () => {
    expect(leafText(decodeDescriptor(stage1, 3, 0, 0x80000347))).toBe('rwc--- inner global noaf');
    expect(leafText(decodeDescriptor(stage1, 3, 0, 0x80000f4f))).toBe('rw---- inner oddmem attr=3');
    expect(explainDescriptor(stage1, 3, 0x08000000, 0x80000f47).at(-1)).toMatchObject({ bits: '59', name: '?' });
  });

  it('names the fields of a stage-1 leaf', () => {
    const lines = explainDescriptor(hd, 3, 0x00680000, 0x80000fcb).map(
      (f) => `[${f.bits}] ${f.name} ${f.value} ${f.text}`,
    );
    expect(lines).toEqual([
      '[1:0] type 3 page',
      '[4:2] AttrIndx 2 MAIR 0x04: device-nGnRE',
      '[5] NS 0 secure output, where the walker is secure',
      '[7:6] AP 3 read, privileged and unprivileged',
      '[9:8] SH 3 inner shareable',
      '[10] AF 1 accessed: no access flag fault',
      '[11] nG 1 not global: tagged with the ASID',
      '[47:12] output 0x80000000 physical address',
      '[51] DBM 1 dirty state kept by hardware: clean',
      '[54:53] XN 3 execute-never',
    ]);
  });

  it.each([
    [stage1, 0x80000f43, 'MAIR 0x44: normal, non-cacheable'],
    [stage1, 0x80000f47, 'MAIR 0xff: normal, write-back read- and write-allocate'],
    [stage1, 0x80000f4f, 'MAIR 0xf4: normal, outer write-back read- and write-allocate, inner non-cacheable'],
    [stage2, 0x800007ff, 'normal, write-back'],
    [stage2, 0x800006d7, 'normal, non-cacheable'],
    [stage2, 0x800006c7, 'device-nGnRE'],
    [contextOf('ARM_64_LPAE_S2', ['S2FWB']), 0x800007db, 'write-back, whatever stage 1 says (FWB)'],
    [mali, 0x80000245, 'MEMATTR 0x8d: cached: write-allocate'],
    [mali, 0x80000249, 'MEMATTR 0x88: device: implementation-defined'],
  ])('names memory types (%#)', (context, lo, expected) => {
    expect(explainDescriptor(context, 3, 0, lo)[1].text).toBe(expected);
  });

  it('writes letters in the order of a trace', () => {
    expect(protLetters(PROT_ALL)).toBe('rwcnmp');
    expect(protColumn(0)).toBe('------');
    expect(protColumn(PROT_LETTERS.r | PROT_LETTERS.n)).toBe('r--n--');
  });
});
