import { bitmapSizes, sizesBitmap } from '../../base/sizes.ts';
import { hexBitmap } from '../../base/u64.ts';
import { ENOSPC, type Kernel, type Quirk } from '../../base/vocabulary.ts';
import type { GpuDriverKind } from '../../gpuvm/drivers/registry.ts';
import {
  ConfigRefused,
  DEFAULT_CONFIG,
  DEFAULT_PGSIZES,
  defaultPartialUnmap,
  type PgtableConfig,
} from '../../lpae/format/config.ts';
import type { DomainEvent } from '../../trace/events.ts';
import type { AddressRange } from '../../window/aperture.ts';
import { configFor } from '../../window/required-range.ts';
import type { ReplayOptions } from '../options.ts';
import type { Refusal } from './space-parts.ts';

/** What a domain event asks for, the options' own choices before it; `kind` is the GPU driver that has it, null: none. */
export function askedConfig(
  event: DomainEvent,
  kind: GpuDriverKind | null,
  options: Pick<ReplayOptions, 'overrides' | 'partialUnmap' | 'driver'>,
  kernel: Kernel,
): PgtableConfig {
  const { overrides, partialUnmap, driver } = options;
  const { pgsizes } = event;
  // What the trace says of its own driver does not hold for another.
  const foreign = kind !== null && driver !== null && driver !== event.driver;
  const own =
    pgsizes === undefined || foreign
      ? (kind?.pgsizes ?? DEFAULT_PGSIZES)
      : typeof pgsizes === 'string'
        ? hexBitmap(pgsizes)
        : sizesBitmap(pgsizes);
  const quirks = (overrides.quirks ?? (foreign ? [] : event.quirks) ?? []) as readonly Quirk[];
  return {
    format: overrides.format ?? event.format ?? DEFAULT_CONFIG.format,
    pgsizes: driverSizes(kind, overrides.pgsizes ?? own),
    ias: overrides.ias ?? event.ias ?? DEFAULT_CONFIG.ias,
    oas: overrides.oas ?? event.oas ?? DEFAULT_CONFIG.oas,
    coherent: overrides.coherent ?? event.coherent ?? true,
    quirks: kind === null ? quirks : kind.quirks(quirks, kernel),
    cpuPageSize: overrides.cpuPageSize ?? event.cpuPageSize ?? DEFAULT_CONFIG.cpuPageSize,
    kernel: kernel,
    partialUnmap: partialUnmap ?? defaultPartialUnmap(kernel),
  };
}

/** The smallest configuration that covers the required ranges, or why there is none; `fixed` are the address bits that an option has chosen. */
export function fittedConfig(
  asked: PgtableConfig,
  event: DomainEvent,
  fixed: number | undefined,
  required: readonly AddressRange[] | null,
): { readonly config: PgtableConfig; readonly refusal: Refusal | null } {
  if (required === null) return { config: asked, refusal: null };
  try {
    const config = configFor(asked, required);
    const limit = fixed ?? event.ias;
    if (limit !== undefined && limit < config.ias) {
      const reason = `the required range needs ${config.ias} bits of an IOVA; ias is ${limit}`;
      return { config: asked, refusal: { ret: -ENOSPC, reason, warns: 0 } };
    }
    return { config: fixed === undefined ? config : asked, refusal: null };
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error;
    return { config: asked, refusal: { ret: -ENOSPC, reason: error.message, warns: error.warns } };
  }
}

/** A GPU driver asks the engine for its own page sizes, whatever else there is; where one is missing it is told so later. */
function driverSizes(kind: GpuDriverKind | null, asked: number): number {
  if (kind === null) return asked;
  const has = (size: number): boolean => Math.floor(asked / size) % 2 === 1;
  return bitmapSizes(kind.pgsizes).every(has) ? kind.pgsizes : asked;
}
