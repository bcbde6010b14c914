import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grouped } from '../../../src/base/sizes.ts';
import { bundle } from '../../../src/report/html/client/bundle.mjs';
import { renderPage } from '../../../src/report/html/page.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import { detail, facts, isQuiet, NO_BROWSER, Viewer } from './browser.ts';
import { complete, crowded, handMade, replayed, wandering } from './fixtures.ts';

const title = NO_BROWSER === null ? 'the page in a browser' : `the page in a browser (skipped: ${NO_BROWSER})`;

/** The pixels of a canvas, of a copy: reading the canvas itself changes how it is drawn. */
const PIXELS = `const pixels = (canvas) => {
  const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
  const context = copy.getContext('2d', { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data;
};`;
/** How many colours each canvas shows, up to ten. */
const COLOURS = `(() => { ${PIXELS} return [...document.querySelectorAll('canvas')].map((canvas) => {
  const data = pixels(canvas);
  const seen = new Set();
  for (let at = 0; at < data.length && seen.size < 10; at += 4) seen.add(data.slice(at, at + 4).join());
  return seen.size;
}); })()`;
const PICTURES = "[...document.querySelectorAll('.plot canvas')].map((canvas) => canvas.toDataURL())";
/** Canvases of charts in which the colour of a mark is found. */
const MARKED = `(() => { ${PIXELS} return [...document.querySelectorAll('.plot canvas')].filter((canvas) => {
  const data = pixels(canvas);
  for (let at = 0; at < data.length; at += 4) if (data[at] === 0xc1 && data[at + 1] === 0x15 && data[at + 2] === 0x74) return true;
  return false;
}).length; })()`;
const CORNER = `(() => { ${PIXELS} return [...pixels(document.querySelector('.map canvas')).slice(0, 4)]; })()`;

describe.skipIf(NO_BROWSER !== null)(title, () => {
  let viewer: Viewer;
  let assets: Awaited<ReturnType<typeof bundle>>;
  let sample: StatsDocument;
  let html: string;

  beforeAll(async () => {
    [viewer, assets, sample] = await Promise.all([Viewer.launch(), bundle(), complete()]);
    html = renderPage([{ name: 'sample.ndjson', document: sample }], assets, false);
  });
  afterAll(() => viewer?.close());

  const readout = (page: Page): Locator => page.locator('.timeline .readout');
  it('is watched closely: what it must not do would show', async () => {
    const bad = html
      .replace('</main>', '<p style="color:red">x</p><img src="https://example.invalid/a.png" alt=""></main>')
      .replace('</body>', '<script>document.title = "acted"</script></body>');
    const { page, complaints } = await viewer.open(bad);
    expect(await page.title()).toBe('pgtrace: sample.ndjson');
    for (const directive of ['style-src', 'img-src', 'script-src']) {
      expect(complaints.some((text) => text.startsWith('error: policy:') && text.includes(directive))).toBe(true);
    }
  });

  it.each(['light', 'dark'] as const)('draws every chart and map in %s colours', async (colorScheme) => {
    const watched = await viewer.open(html, { colorScheme });
    const colours = (await watched.page.evaluate(COLOURS)) as number[];
    // Seven charts and two maps.
    expect(colours).toHaveLength(9);
    expect(Math.min(...colours)).toBeGreaterThan(4);
    const background = await watched.page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(15, 20, 25)');
    await isQuiet(watched);
  });

  it('changes colours at the switch, charts too, and keeps nothing', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    const before = (await page.evaluate(PICTURES)) as string[];
    await page.getByLabel('Colours').selectOption('dark');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(15, 20, 25)');
    const after = (await page.evaluate(PICTURES)) as string[];
    expect(after.map((picture, at) => picture === before[at])).toEqual(before.map(() => false));
    await page.getByLabel('Colours').selectOption('auto');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.evaluate('document.cookie.length')).toBe(0);
    await isQuiet(watched);
  });

  it('zooms all charts by a drag, and shows all by a double click or the button', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    const whole = await readout(page).textContent();
    expect(whole).toBe('4,095 events, 512 buckets of 8');
    const pictures = (await page.evaluate(PICTURES)) as string[];
    const drag = async (): Promise<void> => {
      await page.locator('.u-over').nth(1).scrollIntoViewIfNeeded();
      const box = await page.locator('.u-over').nth(1).boundingBox();
      if (box === null) throw new Error('no chart');
      await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
      await page.mouse.up();
      await page.mouse.move(5, 5);
    };
    await drag();
    const [from, to] = numbersOf(await readout(page).textContent());
    expect(from).toBeGreaterThan(1000);
    expect(from).toBeLessThan(1045);
    expect(to).toBeGreaterThan(2025);
    expect(to).toBeLessThan(2070);
    const zoomed = (await page.evaluate(PICTURES)) as string[];
    expect(zoomed.map((picture, at) => picture === pictures[at])).toEqual(pictures.map(() => false));
    await page.locator('.u-over').first().dblclick();
    await page.mouse.move(5, 5);
    expect(await readout(page).textContent()).toBe(whole);
    await drag();
    await page.locator('.timeline').getByRole('button', { name: 'Show all' }).click();
    expect(await readout(page).textContent()).toBe(whole);
    await isQuiet(watched);
  });

  it('tells exact numbers under the cursor in every legend', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    await page
      .locator('.u-over')
      .nth(2)
      .hover({ position: { x: 400, y: 50 } });
    const [first] = numbersOf(await readout(page).textContent());
    const bucket = first / 8;
    const { gauges, counts } = sample.timeline ?? wandering(1, 1);
    const legend = (await page.locator('.legend').allTextContents()).join('\n');
    const { min, max } = gauges['tables.live.l3'];
    const span = min[bucket] === max[bucket] ? `${max[bucket]}` : `${min[bucket]} to ${max[bucket]}`;
    expect(legend).toContain(`L3 ${span}`);
    expect(legend).toContain(`walk flushes ${counts['tlb.flushWalks'][bucket]}`);
    expect(legend).toContain(`${grouped(gauges['alloc.held'].max[bucket])} B (`);
    await isQuiet(watched);
  });

  it('is worked by the keyboard', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    await page.locator('.charts').focus();
    await page.keyboard.press('ArrowRight');
    expect(await readout(page).textContent()).toBe('events 0 to 7');
    await page.keyboard.press('Shift+ArrowRight');
    expect(await readout(page).textContent()).toBe('events 80 to 87');
    const said = await page.locator('.timeline output.hidden').textContent();
    expect(said).toContain(`gathers ${sample.timeline?.counts['tlb.iotlbSyncs'][10]}`);
    await page.keyboard.press('End');
    expect(await readout(page).textContent()).toBe('events 4,088 to 4,094');
    const before = (await page.evaluate(PICTURES)) as string[];
    await page.keyboard.press('+');
    const after = (await page.evaluate(PICTURES)) as string[];
    expect(after.map((picture, at) => picture === before[at])).toEqual(before.map(() => false));
    await page.keyboard.press('0');
    expect(await page.evaluate(PICTURES)).toEqual(before);
    const series = page.getByRole('button', { name: /^L3/ });
    await series.focus();
    await page.keyboard.press('Enter');
    expect(await series.getAttribute('aria-pressed')).toBe('false');
    await isQuiet(watched);
  });

  it('shows times instead of event numbers where there are any', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    await page.getByLabel('Axis').selectOption('time');
    await page.locator('.charts').focus();
    await page.keyboard.press('ArrowRight');
    expect(await readout(page).textContent()).toMatch(/^events 0 to 7 \(from 1,234\.\d{6} s\)$/);
    await isQuiet(watched);
    const { timeline, ...rest } = sample;
    const timeless = { ...rest, timeline: wandering(64, 1, 1, false) };
    const other = await viewer.open(renderPage([{ name: 'a', document: timeless }], assets, false));
    expect(await other.page.getByLabel('Axis').count()).toBe(0);
    expect(timeline).toBeDefined();
    await isQuiet(other);
  });

  it('moves the timeline to an event that a table links to, and marks it', async () => {
    const watched = await viewer.open(html);
    const { page } = watched;
    expect(await page.evaluate(MARKED)).toBe(0);
    const offender = sample.offenders?.[4];
    await page.getByRole('link', { name: grouped(offender?.seq ?? -1), exact: true }).click();
    expect(await page.evaluate(MARKED)).toBe(7);
    // The cursor is put onto it.
    const [first, last] = numbersOf(await readout(page).textContent());
    expect(first).toBeLessThanOrEqual(offender?.seq ?? -1);
    expect(last).toBeGreaterThanOrEqual(offender?.seq ?? -1);
    expect(await page.evaluate('document.activeElement.className')).toBe('charts');
    expect(await page.evaluate("document.querySelector('.timeline').getBoundingClientRect().top")).toBeLessThan(60);
    // Findings, too.
    await page.getByRole('link', { name: '1,000', exact: true }).click();
    expect(numbersOf(await readout(page).textContent())).toEqual([1000, 1007]);
    await isQuiet(watched);
  });

  it('is readable on paper', async () => {
    const watched = await viewer.open(html, { colorScheme: 'dark', width: 700 });
    const { page } = watched;
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.toolbar').first().isVisible()).toBe(false);
    expect(await page.locator('#switches').isVisible()).toBe(false);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.evaluate(CORNER)).toEqual([255, 255, 255, 255]);
    const width =
      "Math.max(...[...document.querySelectorAll('canvas')].map((canvas) => canvas.getBoundingClientRect().right))";
    expect(await page.evaluate(width)).toBeLessThanOrEqual(700);
    await isQuiet(watched);
  });

  it('fits a narrow window', async () => {
    const watched = await viewer.open(html, { width: 700 });
    expect(await watched.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(700);
    await isQuiet(watched);
  });

  it('has its tables without a script', async () => {
    const { page, requests } = await viewer.open(html, { javaScript: false });
    expect(await page.locator('noscript p').isVisible()).toBe(true);
    expect(await page.getByRole('cell', { name: '16.0 KiB peak' }).isVisible()).toBe(true);
    expect(await page.locator('table').count()).toBeGreaterThan(6);
    expect(requests).toHaveLength(1);
  });

  it('shows hostile names as they are and does nothing that they say', async () => {
    const name = '</script><img src=x onerror="document.title=1"><script>document.title=2</script>\u001b[31m__proto__';
    const map = handMade(name);
    const document: StatsDocument = {
      ...sample,
      maps: [
        {
          ...map,
          reserved: [{ ...map.reserved[0], id: name }],
          leaves: map.leaves.map((run) => ({ ...run, attrs: name })),
        },
      ],
      offenders: (sample.offenders ?? []).map((one) => ({ ...one, domain: '__proto__', metric: name })),
      findings: sample.findings.map((finding) => ({ ...finding, message: name, domain: name })),
      strategies: ['__proto__', name].map((allocator) => ({
        allocator,
        counters: sample.counters,
        domains: sample.domains,
        findings: [],
        timeline: {
          ...wandering(32, 1),
          gauges: { ['__proto__']: { min: [1], max: [2] }, ...wandering(32, 1).gauges },
        },
      })),
    };
    const watched = await viewer.open(renderPage([{ name, document }], assets, false));
    const { page } = watched;
    expect(await page.title()).toContain('</script><img');
    await page.locator('.map canvas').focus();
    await page.keyboard.press('Home');
    expect((await facts(detail(page)))['attributes']).toContain('</script><img src=x onerror=');
    expect(await page.content()).not.toContain('\u001b');
    expect(await page.locator('img').count()).toBe(0);
    await page.locator('.timeline select').first().selectOption('overlay');
    await isQuiet(watched);
  });

  it('takes nine allocators of 2,048 buckets and a map of 4,000 runs', async () => {
    const compared = await replayed('bind-over-reservation.ndjson', '--allocator', 'all');
    const document: StatsDocument = {
      ...compared,
      maps: [crowded(4000)],
      strategies: (compared.strategies ?? []).map((run, at) => ({
        ...run,
        timeline: { ...wandering(2048, 64, at + 1), counts: wandering(2048, 64, 1).counts },
      })),
    };
    const watched = await viewer.open(renderPage([{ name: 'many', document }], assets, false));
    const { page } = watched;
    await page.locator('.timeline select').first().selectOption('overlay');
    const titles = await page.locator('.chart-title').allTextContents();
    expect(titles).toContain('Pages reserved and unused: reserved for operations, unused');
    expect(titles).not.toContain('Pages handed to gathers per bucket');
    expect(await page.locator('.timeline > .note').textContent()).toContain('Pages handed to gathers per bucket');
    await page.locator('.map canvas').focus();
    await page.keyboard.press('End');
    expect((await facts(detail(page)))['paddr']).toMatch(/^0x[0-9a-f]+000$/);
    await isQuiet(watched);
  });
});

/** The event numbers of `events 1,024 to 2,047`. */
function numbersOf(text: string | null): number[] {
  return (text?.match(/\d[\d,]*/g) ?? []).slice(0, 2).map((number) => Number(number.replaceAll(',', '')));
}
