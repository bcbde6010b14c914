import { PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import type { ContextEvent, DmaEvent, DmaRange } from '../payload.ts';
import { BytesField, type FieldTexts, ListField, NumberField } from './event-fields.ts';
import type { EventFormat } from './event-formats.ts';
import { outOfBounds, type PayloadPlan, type PlanMeans, tooLarge, tooShort } from './payload-plan.ts';

/** `enum dma_data_direction` as IOMMU protection: both, to the device, from the device (`dma-iommu.c:dma_info_to_prot`). */
const PROT_OF_DIRECTION: readonly number[] = [PROT_READ | PROT_WRITE, PROT_READ, PROT_WRITE];

const DMA_NAME = /^dma_(un)?(map|alloc|free)(?:_(?:page|phys|resource|sg|sgt|pages))?$/;

/**
 * `dma:dma_map_*`, `dma_unmap_*`, `dma_alloc*` and `dma_free*`, which name the device; null for other events, such as the
 * ones that report errors (`*_err`) and `dma_sync_*`.
 */
export function dmaPlan(format: EventFormat, means: PlanMeans): PayloadPlan | null {
  const name = DMA_NAME.exec(format.name);
  const device = BytesField.find(format, 'device', means.bigEndian);
  if (format.system !== 'dma' || name === null || device === null) return null;
  return new DmaPlan(format, name[1] === undefined && name[2] !== 'free', device, means);
}

class DmaPlan implements PayloadPlan {
  readonly #format: EventFormat;
  readonly #isMap: boolean;
  readonly #device: BytesField;
  readonly #direction: NumberField | null;
  readonly #address: NumberField | null;
  readonly #size: NumberField | null;
  readonly #addresses: ListField | null;
  readonly #lengths: ListField | null;
  readonly #needs: number;
  readonly #texts: FieldTexts;

  constructor(format: EventFormat, isMap: boolean, device: BytesField, means: PlanMeans) {
    const { bigEndian } = means;
    this.#format = format;
    this.#isMap = isMap;
    this.#device = device;
    this.#texts = means.texts;
    this.#direction = NumberField.find(format, 'dir', bigEndian);
    this.#address = NumberField.find(format, 'dma_addr', bigEndian);
    this.#size = NumberField.find(format, 'size', bigEndian);
    this.#addresses = ListField.find(format, 'dma_addrs', means);
    this.#lengths = ListField.find(format, 'lengths', means);
    const fields = [device, this.#direction, this.#address, this.#size, this.#addresses, this.#lengths];
    this.#needs = Math.max(...fields.map((field) => field?.end ?? 0));
  }

  read(raw: Buffer, start: number, end: number): DmaEvent | string {
    if (end - start < this.#needs) return tooShort(this.#format, end - start, this.#needs);
    const device = this.#device;
    if (!device.locate(raw, start, end)) return outOfBounds(this.#format);
    const ranges = this.#ranges(raw, start, end);
    if (typeof ranges === 'string') return ranges;
    return {
      kind: 'dma',
      isMap: this.#isMap,
      device: this.#texts.read(raw, device.from, device.to),
      prot: this.#direction === null ? null : (PROT_OF_DIRECTION[this.#direction.number(raw, start)] ?? null),
      ranges,
    };
  }

  #ranges(raw: Buffer, start: number, end: number): readonly DmaRange[] | string {
    if (this.#address !== null && this.#size !== null) {
      const size = this.#size.number(raw, start);
      if (size > Number.MAX_SAFE_INTEGER) return tooLarge(this.#format, 'the size');
      return [{ iova: this.#address.address(raw, start), size }];
    }
    const addresses = this.#addresses;
    const lengths = this.#lengths;
    if (addresses === null || lengths === null) return [];
    if (!addresses.locate(raw, start, end) || !lengths.locate(raw, start, end)) return outOfBounds(this.#format);
    const count = Math.min(addresses.length, lengths.length);
    const ranges: DmaRange[] = [];
    for (let i = 0; i < count; i++) {
      const size = lengths.number(raw, i);
      if (size > Number.MAX_SAFE_INTEGER) return tooLarge(this.#format, 'a length');
      ranges.push({ iova: addresses.address(raw, i), size });
    }
    return ranges;
  }
}

const CONTEXT: Readonly<Record<string, ContextEvent['what']>> = {
  io_page_fault: 'fault',
  attach_device_to_domain: 'attach',
  detach_device_from_domain: 'detach',
  add_device_to_group: 'group',
  remove_device_from_group: 'group',
};

/** The events of the group `iommu` besides map and unmap; null for any other. */
export function contextPlan(format: EventFormat, { bigEndian, texts }: PlanMeans): PayloadPlan | null {
  const what = Object.hasOwn(CONTEXT, format.name) ? CONTEXT[format.name] : undefined;
  if (format.system !== 'iommu' || what === undefined) return null;
  const device = BytesField.find(format, 'device', bigEndian);
  const read = (raw: Buffer, start: number, end: number): ContextEvent => {
    const found = device !== null && end - start >= device.end && device.locate(raw, start, end);
    return { kind: 'context', what, device: found ? texts.read(raw, device.from, device.to) : null };
  };
  return { read };
}
