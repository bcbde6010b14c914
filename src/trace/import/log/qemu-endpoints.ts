import { virtioName } from './qemu-events.ts';

const ATTACH = /^domain=(-?\d{1,10}) endpoint=(\d{1,10})$/;
const PUT_DOMAIN = /^Free domain=(-?\d{1,10})$/;

/** Follows which endpoints are in which domain of the emulated virtio IOMMU: the last that leaves ends the domain. */
export class QemuEndpoints {
  readonly #endpoints = new Map<string, Set<string>>();

  /**
   * The address space that ends with an event, mappings and all; null when none does (virtio-iommu.c:virtio_iommu_detach,
   * virtio_iommu_put_domain).
   * @param text - the event's line behind its name
   */
  end(name: string, text: string): string | null {
    if (name === 'virtio_iommu_put_domain') return this.#put(PUT_DOMAIN.exec(text)?.[1]);
    if (name !== 'virtio_iommu_attach' && name !== 'virtio_iommu_detach') return null;
    const match = ATTACH.exec(text);
    if (match === null) return null;
    const [, domain, endpoint] = match;
    const endpoints = this.#endpoints.get(domain) ?? new Set();
    if (name === 'virtio_iommu_attach') {
      this.#endpoints.set(domain, endpoints.add(endpoint));
      return null;
    }
    endpoints.delete(endpoint);
    return endpoints.size === 0 ? this.#put(domain) : null;
  }

  #put(domain: string | undefined): string | null {
    if (domain === undefined) return null;
    this.#endpoints.delete(domain);
    return virtioName(domain);
  }
}
