import type { DomainEvent } from '../../../events.ts';
import type { DeclaredDomain, PgtableCall, PgtableReturn } from '../../payload.ts';
import { hexAddress } from '../../text/hex-address.ts';
import { NOTHING, type Reading, readingOf, unreadableFrom } from '../line-reader.ts';
import { hexCount, NOWHERE } from '../log-numbers.ts';

/*
 * Debug messages of the two Mali drivers.
 *
 * Newer panthor (7.1) prints one for each io-pgtable call, after it: `va`, `pgcnt` and `pgsz` are what that call did, `iova`
 * and `sz` the whole request, which is the same in all messages of it (panthor_mmu.c:panthor_vm_map_pages, ..._unmap_pages).
 * In older panthor and in panfrost a message is one request before it is tried (panfrost_mmu.c:mmu_map_sg, panfrost_mmu_unmap), in
 * hex without `0x` but for panthor's physical addresses.
 */

const AS = 'map: as=';
const CALL =
  /^(un)?map: as=(-?\d{1,4}), iova=0x[\da-f]{1,16}, sz=\d{1,20}, va=0x([\da-f]{1,16})(?:, pa=(?:0x)?([\da-f]{1,16}))?, pgcnt=(\d{1,15}), pgsz=(\d{1,15})$/;
const REQUEST =
  /^(un)?map: as=(-?\d{1,4}), iova=(?:0x)?([\da-f]{1,16})(?:, paddr=(0x)?([\da-f]{1,16}))?, len=(?:0x)?([\da-f]{1,14})$/;
/** `Features: L2:0x7120306 Tiler:0x809 Mem:0x301 MMU:0x2830 AS:0xff`, printed when the driver starts. */
const FEATURES = 'Features: L2:0x';
const MMU_FEATURES = /\bMMU:0x([\da-f]{1,8})\b/;

const LONGEST_LEAD = 200;

type MaliDriver = 'panthor' | 'panfrost';

/** Bits of addresses in page tables. */
interface Widths {
  readonly ias: number;
  readonly oas: number;
}

/** What most Mali GPUs say, as MMU features 0x2830. */
const USUAL: Widths = { ias: 48, oas: 40 };

/** Reads what panthor and panfrost print, and remembers which address spaces have been declared. */
export class GpuLog {
  readonly #declared = new Set<string>();
  readonly #widths = new Map<MaliDriver, Widths>();

  /** What such a message says; null for any other. */
  read(message: string): Reading | null {
    const at = message.indexOf(AS);
    if (at >= 0 && at <= LONGEST_LEAD) return this.#operation(message, at);
    if (message.includes(FEATURES)) return this.#features(message);
    return null;
  }

  #operation(message: string, found: number): Reading {
    const at = message.startsWith('un', found - 2) ? found - 2 : found;
    const lead = message.slice(0, at);
    const fields = message.slice(at).trimEnd();
    const call = CALL.exec(fields);
    const reading = call === null ? this.#request(REQUEST.exec(fields), lead) : this.#call(call);
    return reading ?? unreadableFrom(at);
  }

  #call([, un, slot, va, pa, pgcnt, pgsz]: RegExpExecArray): Reading | null {
    const isMap = un === undefined;
    const pgsize = Number(pgsz);
    const pgcount = Number(pgcnt);
    const bytes = pgsize * pgcount;
    if (isMap !== (pa !== undefined) || !Number.isSafeInteger(bytes)) return null;
    // A map that failed at once is told, too.
    if (bytes === 0) return NOTHING;
    const key = `as${slot}`;
    const call: PgtableCall = {
      kind: 'call',
      isMap,
      key,
      iova: hexAddress(va),
      paddr: pa === undefined ? NOWHERE : hexAddress(pa),
      pgsize,
      pgcount,
      prot: null,
      withoutGather: isMap ? null : true,
    };
    const done: PgtableReturn = { kind: 'return', isMap, ret: isMap ? 0 : bytes };
    return readingOf(...this.#declare(key, 'panthor'), call, done);
  }

  #request(match: RegExpExecArray | null, lead: string): Reading | null {
    if (match === null) return null;
    const [, un, slot, digits, prefix, pa, len] = match;
    const isMap = un === undefined;
    const size = hexCount(len);
    if (isMap !== (pa !== undefined) || size < 0) return null;
    const iova = hexAddress(digits);
    const name = `as${slot}`;
    const declared = this.#declare(name, driverOf(lead) ?? (prefix === undefined ? 'panfrost' : 'panthor'));
    if (!isMap) return readingOf(...declared, { kind: 'iommu-unmap', name, iova, size, unmapped: null });
    const paddr = hexAddress(pa);
    return readingOf(...declared, { kind: 'iommu-map', name, iova, paddr, size, prot: null, ret: null });
  }

  /** The widths of addresses are the low two bytes (GPU_MMU_FEATURES_VA_BITS, ..._PA_BITS). */
  #features(message: string): Reading | null {
    const driver = driverOf(message);
    const match = MMU_FEATURES.exec(message);
    if (driver === null || match === null) return null;
    const bits = Number.parseInt(match[1], 16);
    const widths: Widths = { ias: bits & 0xff, oas: (bits >>> 8) & 0xff };
    // The engine takes no others for these formats (io-pgtable-arm.c:arm_mali_lpae_alloc_pgtable).
    if (widths.ias >= 32 && widths.ias <= 48 && widths.oas >= 32 && widths.oas <= 40) this.#widths.set(driver, widths);
    return NOTHING;
  }

  #declare(key: string, driver: MaliDriver): DeclaredDomain[] {
    if (this.#declared.has(key)) return [];
    this.#declared.add(key);
    return [{ kind: 'declare', key, event: configuration(key, driver, this.#widths.get(driver)) }];
  }
}

function driverOf(lead: string): MaliDriver | null {
  const match = /panthor|panfrost/.exec(lead);
  return match === null ? null : (match[0] as MaliDriver);
}

/** What the driver asks of io-pgtable (panthor_mmu.c:panthor_vm_create, panfrost_mmu.c:panfrost_mmu_ctx_create). */
function configuration(key: string, driver: MaliDriver, known: Widths | undefined): DeclaredDomain['event'] {
  const { ias, oas } = known ?? USUAL;
  const widths = `${ias} bits of IOVAs and ${oas} of physical addresses`;
  const said = known === undefined ? `assumed: ${widths}` : `${widths} from its MMU features; assumed:`;
  const format: DomainEvent['format'] = driver === 'panthor' ? 'ARM_64_LPAE_S1' : 'ARM_MALI_LPAE';
  // Without a hardware slot all address spaces go by the same number.
  const shared = key === 'as-1' ? '; every address space without a slot is in this one' : '';
  return {
    format,
    pgsizes: '0x201000',
    ias,
    oas,
    coherent: false,
    comment: `${driver}, ${said}${known === undefined ? ',' : ''} not coherent${shared}`,
  };
}
