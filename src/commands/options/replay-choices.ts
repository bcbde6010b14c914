import { usageError } from '../../base/errors.ts';
import { bitmapSizes, parseSize, sizesBitmap } from '../../base/sizes.ts';
import { hexBitmap, isHex64, isPowerOfTwo } from '../../base/u64.ts';
import { QUIRKS } from '../../base/vocabulary.ts';
import { DEFAULT_CONFLICT_POLICY, type ReplayOptions } from '../../replay/options.ts';
import { dmaOptions, requiredRanges } from './dma-choices.ts';
import {
  allocatorChoices,
  driverChoices,
  engineChoice,
  flushChoices,
  queueOptions,
  repeatOptions,
  reservationOptions,
} from './policy-choices.ts';
import type { TraceCommandOptions } from './trace-options.ts';

/** What to replay it with; `until` is the number of the last event wanted, null for all. Throws a usage error. */
export function replayOptions(options: TraceCommandOptions, until: number | null): ReplayOptions {
  const pgsizes = options.pgsizes === undefined ? undefined : parsePgsizes(options.pgsizes);
  const granule = pgsizes === undefined ? undefined : bitmapSizes(pgsizes)[0];
  const dma = dmaOptions(options);
  const flushes = flushChoices(options.flush);
  return {
    kernel: options.kernel ?? null,
    partialUnmap: options.partialUnmap ?? null,
    maple: options.maple === true,
    engine: engineChoice(options),
    driver: driverChoices(options.driver)[0],
    ...(options.pgsizePolicy === undefined || options.pgsizePolicy === 'core'
      ? {}
      : { pgsizePolicy: options.pgsizePolicy }),
    flush: flushes?.[0] ?? null,
    ...(flushes !== null && flushes.length > 1 ? { flushes } : {}),
    gather: options.gather,
    onConflict: options.onConflict ?? DEFAULT_CONFLICT_POLICY,
    sharers: 1,
    allocator: allocatorChoices(options.allocator)[0],
    queue: queueOptions(options),
    zero: options.zero,
    reservations: reservationOptions(options),
    repeat: repeatOptions(options),
    reserveAround: options.reserveAround ?? null,
    overrides: {
      ...(options.pgtable === undefined ? {} : { format: options.pgtable }),
      ...(pgsizes === undefined || granule === undefined ? {} : { pgsizes, cpuPageSize: granule }),
      ...(options.ias === undefined ? {} : { ias: parseBits('--ias', options.ias) }),
      ...(options.oas === undefined ? {} : { oas: parseBits('--oas', options.oas) }),
      ...(options.quirks === undefined ? {} : { quirks: parseQuirks(options.quirks) }),
      ...(options.noncoherent === true ? { coherent: false } : {}),
      ...(options.require === undefined ? {} : { require: requiredRanges(options.require) }),
    },
    ...(dma === null ? {} : { dma }),
    until,
    timeline: false,
  };
}

function parsePgsizes(text: string): number {
  if (isHex64(text)) {
    const bitmap = hexBitmap(text);
    if (bitmap === 0) throw usageError('--pgsizes 0x0 names no page size; such as 4K,2M,1G or 0x40201000');
    return bitmap;
  }
  const sizes = text.split(',').map((part) => {
    const size = parseSize(part);
    if (size === null || !isPowerOfTwo(size)) {
      throw usageError(`--pgsizes: ${JSON.stringify(part)} is no page size; such as 4K,2M,1G or 0x40201000`);
    }
    return size;
  });
  return sizesBitmap(sizes);
}

function parseBits(option: string, text: string): number {
  const bits = Number(text);
  if (!Number.isInteger(bits) || bits < 1 || bits > 64) throw usageError(`${option} takes a number of bits, 1 to 64`);
  return bits;
}

function parseQuirks(text: string): string[] {
  const names = text === '' ? [] : text.split(',').map((name) => name.trim().toUpperCase());
  const bad = names.find((name) => !(QUIRKS as readonly string[]).includes(name));
  if (bad !== undefined) throw usageError(`--quirks: ${JSON.stringify(bad)} is none of ${QUIRKS.join(', ')}`);
  return names;
}
