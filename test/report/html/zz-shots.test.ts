import { writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { bundle } from '../../../src/report/html/client/bundle.mjs';
import { renderPage } from '../../../src/report/html/page.ts';
import { Viewer } from './browser.ts';
import { complete, costly, crowded, handMade, replayed, wandering } from './fixtures.ts';

it('shoots', async () => {
  const assets = await bundle();
  const viewer = await Viewer.launch();
  const document = await complete();
  const html = renderPage([{ name: 'over-reservation.ndjson', document }], assets, false);
  writeFileSync('/tmp/shots/one.html', html);
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, complaints, requests } = await viewer.open(html, { colorScheme });
    await page.waitForTimeout(300);
    console.log(complaints, requests.length);
    await page.screenshot({ path: `/tmp/shots/${colorScheme}.png`, fullPage: true });
    await page.close();
  }
  {
    const { page } = await viewer.open(html, { width: 700 });
    await page.screenshot({ path: `/tmp/shots/narrow.png`, fullPage: true });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.waitForTimeout(300);
    await page.screenshot({ path: `/tmp/shots/print.png`, fullPage: true });
    await page.pdf({ path: '/tmp/shots/print.pdf' });
    await page.close();
  }
  {
    const compared = await replayed('bind-over-reservation.ndjson', '--allocator', 'all');
    const strategies = compared.strategies!.map((run, at) => ({
      ...run,
      timeline: wandering(2048, 16, at + 1, false),
      offenders: costly(2000),
    }));
    const doc = { ...compared, strategies, maps: [crowded(4000)] };
    const t = renderPage(
      [
        { name: 'bind-over-reservation.ndjson', document: doc },
        { name: 'other', document },
      ],
      assets,
      false,
    );
    console.log('compared bytes', t.length);
    writeFileSync('/tmp/shots/compared.html', t);
    const { page, complaints } = await viewer.open(t, {});
    await page.selectOption('.timeline select >> nth=0', 'overlay');
    await page.waitForTimeout(300);
    console.log(complaints);
    await page.screenshot({ path: `/tmp/shots/compared.png`, fullPage: true });
    await page.close();
  }
  await viewer.close();
});
