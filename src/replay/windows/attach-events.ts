import { ENOTTY, EPERM } from '../../base/vocabulary.ts';
import type * as E from '../../trace/events.ts';
import { PAGE_4K } from '../../window/address.ts';
import type { Container } from '../../window/tce/container.ts';
import type { Mm } from '../../window/tce/memory/mm.ts';
import type { WindowSystem } from '../../window/tce/system.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import { readGroup } from './window-fields.ts';
import { leakedRegions, type Place, type WindowLog } from './window-log.ts';

/** Room of a caller of `info` that does not say. */
const INFO_BYTES = 32;

/** `attach` of containers: groups come and go, version 1 is enabled, processes tell of themselves. */
export class AttachEvents {
  readonly #system: WindowSystem;
  readonly #directory: SpaceDirectory;
  readonly #log: WindowLog;

  constructor(system: WindowSystem, directory: SpaceDirectory, log: WindowLog) {
    this.#system = system;
    this.#directory = directory;
    this.#log = log;
  }

  /** What happens to the container `id` at the request of a process. */
  take(event: E.AttachEvent, id: string, mm: Mm, place: Place): void {
    this.#readProcess(event, mm, place);
    const { action = 'attach' } = event;
    const version = event.type === undefined ? undefined : event.type === 'v1' ? 1 : 2;
    if (action === 'process') {
      this.#log.results?.plain(place.seq, 'attach', `,"mm":${JSON.stringify(mm.id)},"ret":0`);
      return;
    }
    const container = this.#system.container(id, version);
    if (version !== undefined && version !== container.version) {
      const message = `container ${JSON.stringify(id)} is of version ${container.version}; release it first: {"op":"attach","action":"release","container":${JSON.stringify(id)}}`;
      throw this.#directory.error(place.batch, place.i, message);
    }
    if (container.isForeign(mm) && action !== 'attach' && action !== 'detach' && action !== 'release') {
      this.#log.answer(event, container, mm, -EPERM, '', place);
      return;
    }
    switch (action) {
      case 'attach': {
        const group = readGroup(event);
        if (typeof group === 'string') throw this.#directory.error(place.batch, place.i, group);
        this.#log.answer(event, container, mm, container.attach(group, mm), '', place);
        break;
      }
      case 'detach':
        this.#log.answer(event, container, mm, container.detach(event.group ?? 'g0'), '', place);
        break;
      case 'release': {
        const before = leakedRegions(this.#system);
        this.#system.release(id);
        this.#log.mapped.delete(container);
        this.#log.answer(event, container, mm, 0, '', place);
        if (leakedRegions(this.#system) > before) {
          this.#log.find(
            'leaked-region',
            container,
            place,
            null,
            0,
            'its regions have TCEs of other containers: they stay registered, with nobody to give them back',
          );
        }
        break;
      }
      case 'enable':
        this.#log.hardware(container);
        this.#log.answer(event, container, mm, container.enable(mm), '', place);
        break;
      case 'disable':
        this.#log.hardware(container);
        container.disable();
        this.#log.answer(event, container, mm, container.version === 1 ? 0 : -ENOTTY, '', place);
        break;
      default:
        this.#info(event, container, mm, place);
    }
  }

  #info(event: E.AttachEvent, container: Container, mm: Mm, place: Place): void {
    const info = container.info(event.argsz ?? INFO_BYTES);
    if (typeof info === 'number') {
      this.#log.answer(event, container, mm, info, '', place);
      return;
    }
    const { flags, window32Start, window32Size, ddw } = info;
    const rest = `,"flags":${flags},"start":${window32Start},"size":${window32Size},"ddw":${JSON.stringify(ddw)}`;
    this.#log.answer(event, container, mm, 0, rest, place);
  }

  #readProcess(event: E.AttachEvent, mm: Mm, { batch, i }: Place): void {
    const { cpuPageSize, rlimit, capIpcLock } = event;
    if (cpuPageSize !== undefined && cpuPageSize !== mm.cpuPage) {
      if (cpuPageSize < PAGE_4K) {
        throw this.#directory.error(
          batch,
          i,
          `"cpuPageSize" is ${cpuPageSize}; a page of a CPU has 4096 bytes or more`,
        );
      }
      if (!mm.untouched) {
        const message = `process ${JSON.stringify(mm.id)} has memory locked in pages of ${mm.cpuPage}; its page size must be told before`;
        throw this.#directory.error(batch, i, message);
      }
      mm.cpuPage = cpuPageSize;
    }
    if (rlimit !== undefined) mm.rlimit = rlimit;
    if (capIpcLock !== undefined) mm.capIpcLock = capIpcLock;
  }
}
