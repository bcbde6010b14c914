import type { IommuMap, IommuUnmap } from '../payload.ts';
import type { QuickRequest } from '../quick-request.ts';
import { BytesField, type FieldTexts, NumberField } from './event-fields.ts';
import type { EventFormat } from './event-formats.ts';
import { outOfBounds, type PayloadPlan, type PlanMeans, tooLarge, tooShort, unknownForm } from './payload-plan.ts';

/** `map_sg` is a vendor's: a scatter list as one request, without its physical addresses. */
const REQUESTS = ['map', 'map_sg', 'unmap'];

/**
 * `iommu:map` and `iommu:unmap` of any kernel: sizes are `int` up to 3.19 and `size_t` since, vendors add the name of the
 * domain or device and the protection bits. Old unmaps have a paddr field, which says nothing, so the name decides.
 * Null for events of these names that other groups have.
 */
export function requestPlan(format: EventFormat, { bigEndian, texts }: PlanMeans): PayloadPlan | null {
  if (!REQUESTS.includes(format.name)) return null;
  const isKernels = format.system === 'iommu' && format.name !== 'map_sg';
  if (!isKernels && !format.fields.some(({ name }) => name === 'iova')) return null;
  const iova = NumberField.find(format, 'iova', bigEndian);
  const size = NumberField.find(format, 'size', bigEndian);
  const name = BytesField.of(
    format.fields.find(({ isText }) => isText),
    bigEndian,
  );
  if (format.name === 'map_sg') {
    if (iova === null || size === null) return null;
    return new MapPlan({ format, iova, size, name, texts }, null, NumberField.find(format, 'prot', bigEndian));
  }
  if (format.name === 'map') {
    const paddr = NumberField.find(format, 'paddr', bigEndian);
    if (iova === null || size === null || paddr === null) return unknownForm(format, 'iova, paddr and size');
    return new MapPlan({ format, iova, size, name, texts }, paddr, NumberField.find(format, 'prot', bigEndian));
  }
  if (iova === null || size === null) return unknownForm(format, 'iova, size and unmapped_size');
  return new UnmapPlan({ format, iova, size, name, texts }, NumberField.find(format, 'unmapped_size', bigEndian));
}

interface Common {
  readonly format: EventFormat;
  readonly iova: NumberField;
  readonly size: NumberField;
  readonly name: BytesField | null;
  readonly texts: FieldTexts;
}

class MapPlan implements PayloadPlan {
  readonly #common: Common;
  /** Null when the event has none. */
  readonly #paddr: NumberField | null;
  readonly #prot: NumberField | null;
  readonly #needs: number;

  constructor(common: Common, paddr: NumberField | null, prot: NumberField | null) {
    this.#common = common;
    this.#paddr = paddr;
    this.#prot = prot;
    this.#needs = Math.max(common.iova.end, common.size.end, common.name?.end ?? 0, paddr?.end ?? 0, prot?.end ?? 0);
  }

  read(raw: Buffer, start: number, end: number): IommuMap | string {
    const { format, iova, size: sizeField, name: nameField, texts } = this.#common;
    if (end - start < this.#needs) return tooShort(format, end - start, this.#needs);
    const size = sizeField.number(raw, start);
    if (size > Number.MAX_SAFE_INTEGER) return tooLarge(format, 'the size');
    const name = readName(nameField, texts, raw, start, end);
    if (name === '') return outOfBounds(format);
    const prot = this.#prot === null ? null : this.#prot.number(raw, start);
    // The event is recorded after success only.
    const ret = 0;
    const at = iova.address(raw, start);
    if (this.#paddr === null) {
      return { kind: 'iommu-map', name, iova: at, paddr: at, size, prot, ret, physical: 'assumed' };
    }
    return { kind: 'iommu-map', name, iova: at, paddr: this.#paddr.address(raw, start), size, prot, ret };
  }

  fill(raw: DataView, start: number, end: number, request: QuickRequest): boolean {
    const { iova, size: sizeField, name } = this.#common;
    const paddr = this.#paddr;
    if (name !== null || paddr === null || this.#prot !== null || end - start < this.#needs) return false;
    const size = sizeField.smallIn(raw, start);
    if (size < 0) return false;
    request.isMap = true;
    request.iovaHi = iova.hiIn(raw, start);
    request.iovaLo = iova.loIn(raw, start);
    request.paddrHi = paddr.hiIn(raw, start);
    request.paddrLo = paddr.loIn(raw, start);
    request.size = size;
    return true;
  }
}

class UnmapPlan implements PayloadPlan {
  readonly #common: Common;
  readonly #unmapped: NumberField | null;
  readonly #needs: number;

  constructor(common: Common, unmapped: NumberField | null) {
    this.#common = common;
    this.#unmapped = unmapped;
    this.#needs = Math.max(common.iova.end, common.size.end, common.name?.end ?? 0, unmapped?.end ?? 0);
  }

  read(raw: Buffer, start: number, end: number): IommuUnmap | string {
    const { format, iova, size: sizeField, name: nameField, texts } = this.#common;
    if (end - start < this.#needs) return tooShort(format, end - start, this.#needs);
    const size = sizeField.number(raw, start);
    const unmapped = this.#unmapped === null ? null : this.#unmapped.number(raw, start);
    if (Math.max(size, unmapped ?? 0) > Number.MAX_SAFE_INTEGER) return tooLarge(format, 'a size');
    const name = readName(nameField, texts, raw, start, end);
    if (name === '') return outOfBounds(format);
    return { kind: 'iommu-unmap', name, iova: iova.address(raw, start), size, unmapped };
  }

  fill(raw: DataView, start: number, end: number, request: QuickRequest): boolean {
    const { iova, size: sizeField, name } = this.#common;
    if (name !== null || this.#unmapped === null || end - start < this.#needs) return false;
    const size = sizeField.smallIn(raw, start);
    const unmapped = this.#unmapped.smallIn(raw, start);
    if (size < 0 || unmapped < 0) return false;
    request.isMap = false;
    request.iovaHi = iova.hiIn(raw, start);
    request.iovaLo = iova.loIn(raw, start);
    request.size = size;
    request.unmapped = unmapped;
    return true;
  }
}

/** Null when there is none, '' when it is outside of the event. */
function readName(field: BytesField | null, texts: FieldTexts, raw: Buffer, start: number, end: number): string | null {
  if (field === null) return null;
  if (!field.locate(raw, start, end)) return '';
  const name = texts.read(raw, field.from, field.to);
  return name === '' ? null : name;
}
