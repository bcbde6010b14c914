import { it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { bundle } from '../../../src/report/html/client/bundle.mjs';
import { renderPage } from '../../../src/report/html/page.ts';
import { replayed } from './fixtures.ts';

it('real', async () => {
  const assets = await bundle();
  for (const [name, ...options] of [['smmuv3-kprobe-6.1.txt.gz'], ['bind-over-reservation.ndjson', '--allocator', 'all'], ['parked-table.ndjson']]) {
    const document = await replayed(name, '--timeline', '--maps', ...options);
    console.log(name, Object.keys(document), document.maps?.length, document.timeline?.stride, document.timeline?.events);
    const html = renderPage([{ name, document }], assets, true);
    console.log(html.length);
    writeFileSync(`/tmp/shots/real-${name}.html`, html);
  }
}, 60000);
