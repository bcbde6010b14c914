import { it } from 'vitest';
import { replayEach } from './run.ts';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { chooseModel } from '../../src/base/model.ts';
it('x', async () => {
  const m = (o: number) => ({ op: 'map', domain: 'd0', iova: '0x0', paddr: '0x0', size: 4096, prot: o });
  const ev = [{ op: 'domain', id: 'd0' },{ op: 'domain', id: 'd1' }, m(0), m(0),m(0),m(0),m(0), { op: 'destroy', domain: 'd0' },{ op: 'destroy', domain: 'd1' }];
  const names= ['kernel','reserve','reserve-counted','mempool','mempool,min=0','shared-pool', 'hypercall,of=reserve,per=batch', 'bulk,k=2', 'reserve,formula=exact', 'reserve,formula=msm','reserve,formula=panthor', 'hypercall,of=bulk-exact', 'bulk-exact'];
  const rs = await replayEach(ev, names.map((a) => ({ allocator: chooseModel(a, ALLOCATORS) as any })));
  rs.forEach((r, i) => { for (const s of r.replayer.spaces) {
    const { heldBytes, poolNow, pages, pagesFreed } = s.stats;
    console.log(names[i], s.id, { heldBytes, poolNow, pages, pagesFreed }); }
  });
});
