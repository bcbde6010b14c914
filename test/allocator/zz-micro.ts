import { Space, map, unmap, K4 } from '/work/main/test/allocator/fixture.ts';
import { PROT_DEFAULT } from '/work/main/src/base/vocabulary.ts';
for (const name of process.argv.slice(2)) {
  const space = new Space(name);
  const N = 400000;
  const d = map(0, K4, 0), u = unmap(0, K4);
  const best: Record<string, number> = {};
  for (let round = 0; round < 5; round++) {
    for (const mode of ['warm', 'tables'] ) {
      const t0 = process.hrtime.bigint();
      for (let i = 0; i < N; i++) {
        if (mode === 'warm') { d.iovaHi = 0; d.iovaLo = ((i & 255) * K4) >>> 0; d.size = K4; }
        else { d.iovaHi = 0; d.iovaLo = 0x40000000; d.size = (i & 1) ? 0x200000 : K4; }
        d.paddrLo = mode==='tables' ? 0x200000*(i&1) : 0;
        space.now(d);
        u.iovaHi=d.iovaHi; u.iovaLo=d.iovaLo; u.size=d.size;
        if (mode === 'warm' || (i & 1)) space.carryOut(u);
      }
      const ns = Number(process.hrtime.bigint() - t0) / N;
      best[mode] = Math.min(best[mode] ?? 1e9, ns);
    }
  }
  console.log(name, JSON.stringify(best), space.stats.reserved, space.stats.misses, space.allocator.violations.length);
}
