import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hexNumber } from '../../../src/base/u64.ts';
import { bundle } from '../../../src/report/html/client/bundle.mjs';
import { renderPage } from '../../../src/report/html/page.ts';
import { detail, facts, isQuiet, NO_BROWSER, Viewer } from './browser.ts';
import { complete, handMade, RUN } from './fixtures.ts';

const PAGE = 4096;
const title = NO_BROWSER === null ? 'the map in a browser' : `the map in a browser (skipped: ${NO_BROWSER})`;

describe.skipIf(NO_BROWSER !== null)(title, () => {
  let viewer: Viewer;
  let html: string;
  let many: string;

  beforeAll(async () => {
    const [launched, assets, document] = await Promise.all([Viewer.launch(), bundle(), complete()]);
    viewer = launched;
    html = renderPage([{ name: 'sample.ndjson', document }], assets, false);
    const maps = ['a', 'b', 'c', 'd', 'e'].map((name) => handMade(name));
    many = renderPage([{ name: 'sample.ndjson', document: { ...document, maps } }], assets, false);
  });
  afterAll(() => viewer?.close());

  it('tells which page is under the pointer', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    const canvas = page.locator('.map canvas').first();
    await canvas.focus();
    // The first run of pages, its first page at full width, then 37 pages on.
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    for (let nth = 0; nth < 37; nth++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('no map');
    const middle = 84 + (box.width - 84) / 2;
    const hover = async (x: number): Promise<Record<string, string>> => {
      await canvas.hover({ position: { x, y: box.height - 12 } });
      return facts(page.locator('.tip').first());
    };
    const here = await hover(middle);
    expect(here).toEqual({
      page: `${hexNumber(RUN.iova + 37 * PAGE)} to ${hexNumber(RUN.iova + 38 * PAGE - 1)} (4K)`,
      paddr: hexNumber(RUN.paddr + 37 * PAGE),
      attributes: 'rw-c',
      entry: 'L3, index 37',
      table: '0x5000, 512 of 512 live',
      run: '38 of 512 x 4K from 0x40200000',
      'reserved by': 'heap',
    });
    // A quarter of what is seen is one page.
    const next = await hover(middle + (box.width - 84) / 4);
    expect(next['paddr']).toBe(hexNumber(RUN.paddr + 38 * PAGE));
    expect(await page.locator('.tip').first().isVisible()).toBe(true);
    await isQuiet(watched);
  });

  it('zooms and walks the map by keys, by wheel and by drag', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    const canvas = page.locator('.map canvas').first();
    const range = page.locator('.map .readout').first();
    const whole = (await range.textContent()) ?? '';
    await canvas.focus();
    await page.keyboard.press('+');
    const closer = (await range.textContent()) ?? '';
    expect(closer).not.toBe(whole);
    await page.keyboard.press('-');
    expect(await range.textContent()).toBe(whole);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowUp');
    expect(await facts(detail(page))).toMatchObject({
      'L3 table': '0x5000',
      entries: '512 of 512 live, each 4K',
      state: 'in use',
      in: 'L2 table 0x3000, index 1',
    });
    await page.keyboard.press('ArrowLeft');
    expect(await facts(detail(page))).toMatchObject({ state: 'empty, pinned, parked below a block' });
    await page.keyboard.press('End');
    expect(await facts(detail(page))).toMatchObject({ 'L3 table': '0x9000', state: 'empty' });
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    expect(await facts(detail(page))).toMatchObject({ leaves: '300 x 4K, 848.0 KiB between them hold none' });
    await page.keyboard.press('0');
    await canvas.hover({ position: { x: 300, y: 100 } });
    await page.mouse.wheel(0, -240);
    await expect.poll(() => range.textContent()).not.toBe(whole);
    await canvas.dblclick();
    expect(await range.textContent()).toBe(whole);
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('no map');
    await page.mouse.move(box.x + 500, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 700, box.y + 60, { steps: 4 });
    await page.mouse.up();
    expect(await range.textContent()).not.toBe(whole);
    await isQuiet(watched);
  });

  it('tells what a folded gap hides', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    const canvas = page.locator('.map canvas').first();
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('no map');
    const found: string[] = [];
    for (let x = 90; x < box.width; x += 8) {
      await page.mouse.move(box.x + x, box.y + box.height - 12);
      const { unused } = await facts(page.locator('.tip').first());
      if (unused !== undefined && found.at(-1) !== unused) found.push(unused);
    }
    expect(found.map((text) => text.split(' (')[0])).toEqual([
      '0x40800000 to 0x7effffffff',
      '0x7f05000000 to 0x7f077fffff',
      '0x7f07a00000 to 0xffbfffffff',
    ]);
    await isQuiet(watched);
  });

  it('draws maps of folded parts once they are unfolded', async () => {
    const watched = await viewer.open(many);
    const { page } = watched;
    const canvases = page.locator('.map canvas');
    expect(await canvases.count()).toBe(3);
    const summary = page.locator('summary', { hasText: 'after event 4,095' }).nth(4);
    await summary.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => canvases.count()).toBe(4);
    expect((await canvases.nth(3).boundingBox())?.width).toBeGreaterThan(1000);
    await isQuiet(watched);
  });
});
