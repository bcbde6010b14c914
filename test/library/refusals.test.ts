/** What programs are told that hand in what they should not. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AddressSpace, openTrace, PgtraceError, replay } from '../../src/index.ts';

const LESSON = fileURLToPath(new URL('../../traces/over-reservation.ndjson', import.meta.url));

/** As a program in JavaScript sees it, which no types hold back. */
// biome-ignore lint/suspicious/noExplicitAny: anything may come
type Anything = any;

function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(PgtraceError);
    expect((error as PgtraceError).exitCode).toBe(2);
    return (error as PgtraceError).text;
  }
  throw new Error('nothing was refused');
}

describe('options', () => {
  it.each([
    [{ kernal: '7.1' }, 'AddressSpace has no option "kernal"; did you mean kernel?'],
    [{ pgSizes: [4096] }, 'AddressSpace has no option "pgSizes"; did you mean pgsizes?'],
    [{ driver: 'xe' }, /^AddressSpace has no option "driver"; it takes format, pgsizes, .*flush, quirks$/],
    [{ kernel: '6.1' }, 'kernel is "6.1"; it must be one of "7.1", "6.12"'],
    [{ pgsizes: 4096 }, 'pgsizes is 4096; it must be a list of page sizes in bytes'],
    [{ pgsizes: [4096, 5000] }, 'pgsizes.1 is 5000; it must be a power of two, in bytes'],
    [{ ias: null }, 'ias is null; it must be a number of bits, 1 to 64'],
    [{ quirks: ['HDD'] }, /^quirks\.0 is "HDD"; it must be one of "NS", /],
    [{ coherent: 1 }, 'coherent is 1; it must be true or false'],
    [{ allocator: ['pool'] }, 'allocator is a list; it must be a string'],
    [null, 'the options of AddressSpace are null; they must be an object'],
  ])('of an address space: %j', (options: Anything, said) => {
    expect(refusal(() => new AddressSpace(options))).toEqual(
      typeof said === 'string' ? said : expect.stringMatching(said),
    );
  });

  it('of a replay and of a trace that is opened', async () => {
    const wrong: Anything = { flushes: 'smmuv3' };
    await expect(replay(await openTrace(LESSON), wrong)).rejects.toThrow(
      'replay has no option "flushes"; did you mean flush?',
    );
    const until: Anything = { until: '7' };
    await expect(replay(await openTrace(LESSON), until)).rejects.toThrow('until is "7"; it must be an integer');
    const single: Anything = { singledomain: true };
    await expect(openTrace(LESSON, single)).rejects.toThrow('did you mean singleDomain?');
    const layer: Anything = { layer: 'raw' };
    await expect(openTrace(LESSON, layer)).rejects.toThrow('layer is "raw"; it must be one of "pgtable", "iommu"');
    const path: Anything = 42;
    await expect(openTrace(path)).rejects.toThrow('the source is 42; it must be a path or a stream of bytes');
  });

  it('that are undefined are left out', async () => {
    const kernel: Anything = undefined;
    expect(new AddressSpace({ kernel }).map(0, 0, 4096).ret).toBe(0);
    const trace = await openTrace(LESSON, { layer: null, domainBy: null, unwrap: null, maxDecompressed: null });
    expect((await replay(trace, { kernel, until: 3, timeline: true })).trace.events).toBe(4);
  });
});

describe('arguments', () => {
  const space: Anything = new AddressSpace();
  const PROT = 'it must be letters of "rwcnmp" or the integer of IOMMU_* bits';

  it.each([
    [() => space.map(0, 0, 4096, null), `prot is null; ${PROT}`],
    [() => space.map(0, 0, 4096, 1n), `prot is 1; ${PROT}`],
    [() => space.map(0, 0, 4096, {}), `prot is an object; ${PROT}`],
    [() => space.mapPages(0, 0, 4096, 1, 'rr'), `prot is "rr"; ${PROT}`],
    [() => space.mapPages(0, 0, 4096, -1), 'pgcount is -1; it must be a number of pages, 0 or more and below 2^53'],
    [() => space.unmapPages(0, 4096, 1.5), 'pgcount is 1.5; it must be a number of pages, 0 or more and below 2^53'],
    [() => space.mapPages(0, 0, null, 1), 'pgsize is null; it must be bytes, 0 or more and below 2^53'],
    [() => space.unmap(0), 'size is undefined; it must be bytes, 0 or more and below 2^53'],
    [() => space.unmap(0, '4096'), 'size is "4096"; it must be bytes, 0 or more and below 2^53'],
    [() => space.iovaToPhys(null), /^iova is null; it must be a bigint below 2\^64, /],
    [() => space.iovaToPhys(Symbol('here')), /^iova is Symbol\(here\); it must be a bigint/],
  ])('%s', (call, said) => {
    expect(refusal(call)).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
    expect(space.entries()).toEqual([]);
  });
});
