import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { pageAssets } from '../../../src/commands/reports/page-assets.ts';
import { STATS_FORMATS } from '../../../src/report/formats.ts';
import { bundle } from '../../../src/report/html/client/bundle.mjs';
import { HTML_REPORTER } from '../../../src/report/html/html-reporter.ts';
import { INK, inked, scriptJson, text } from '../../../src/report/html/markup.ts';
import { renderPage } from '../../../src/report/html/page.ts';
import type { PageAssets } from '../../../src/report/reporter.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import { K4, M2, map, ndjson } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';
import { complete, crowded, handMade, replayed, wandering } from './fixtures.ts';

const ASSETS: PageAssets = { script: 'void 0;', style: 'body{margin:0}' };
const HEADINGS = /<h3 id="[^"]*">([^<]*)</g;

const headings = (html: string): string[] => [...html.matchAll(HEADINGS)].map(([, title]) => title);
const bytes = (html: string): number => Buffer.byteLength(html);

describe('the web page', () => {
  let sample: StatsDocument;
  let built: PageAssets;

  beforeAll(async () => {
    [sample, built] = await Promise.all([complete(), bundle()]);
  });

  const page = (document: StatsDocument, name = 'a trace'): string => renderPage([{ name, document }], ASSETS, false);

  it('lets only its own script and style act, by their hashes, and loads nothing', () => {
    const html = renderPage([{ name: 'a', document: sample }], built, false);
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? ['', ''];
    const hashOf = (content: string): string => `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
    const script = html.slice(html.lastIndexOf('<script>') + 8, html.lastIndexOf('</script>'));
    const style = html.slice(html.indexOf('<style>') + 7, html.indexOf('</style>'));
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hashOf(script)}`,
      `style-src ${hashOf(style)}`,
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    // The policy stands before anything that it rules.
    expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<style>'));
    expect(html.replace(script, '')).not.toMatch(/\s(src|style|on\w+)=|<link|@import|url\(/);
  });

  it('gives equal bytes for equal documents, and says nothing of when or where', () => {
    const html = page(sample);
    expect(page(JSON.parse(JSON.stringify(sample)))).toBe(html);
    expect(html).not.toMatch(/\/work|\/home|20\d\d-\d\d-\d\d/);
  });

  it('has its sections in order, each with a link to it', () => {
    const html = page(sample);
    expect(headings(html)).toEqual([
      'Totals',
      'Findings',
      'Timeline',
      'Reserved and not used, by size of the operation',
      'Address space',
      'Events that cost the most',
      'By level',
    ]);
    const ids = new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
    const links = [...html.matchAll(/href="#([^"]*)"/g)].map(([, target]) => target);
    expect(links.length).toBeGreaterThan(7);
    expect(links.filter((target) => !ids.has(target))).toEqual([]);
    expect(html).toContain('70.0 % waste');
    expect(html).toContain('VIOLATION(steal)');
  });

  it('says how to get a timeline and maps where there are none, and links events to nothing', () => {
    const { timeline: _timeline, maps: _maps, ...rest } = sample;
    const html = page(rest);
    expect(html.match(/pgtrace replay TRACE --format html -o report.html/g)).toHaveLength(2);
    expect(html).not.toContain('data-event');
  });

  it('puts several documents one below the other, with links to each', () => {
    const html = renderPage(
      [
        { name: 'first', document: sample },
        { name: 'second', document: { ...sample, findings: [] } },
      ],
      ASSETS,
      false,
    );
    expect(html).toContain('<a href="#trace-1">first</a>');
    expect(html).toContain('<h2 id="trace-2">second</h2>');
    expect(new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)).size).toBe(html.match(/ id="/g)?.length);
  });

  it('shows allocators side by side, the best and the worst of them marked', async () => {
    const compared = await replayed('bind-over-reservation.ndjson', '--allocator', 'kernel', '--allocator', 'reserve');
    const html = page(compared);
    expect(headings(html)[0]).toBe('Allocators side by side');
    expect(html).toMatch(/<td class="number">99\.8 %<\/td>/);
    expect(html).toContain('Had every page before the operation ran: <span class="good">reserve</span>');
  });

  it('shows drivers side by side, without an allocator that nobody chose', async () => {
    const compared = await replayed('bind-over-reservation.ndjson', '--driver', 'all');
    const html = page(compared);
    expect(headings(html)[0]).toBe('Drivers side by side');
    for (const driver of ['panthor', 'xe', 'nouveau']) expect(html).toContain(`<th scope="row">${driver}</th>`);
    expect(html).toContain('hardware events');
  });

  it('keeps hostile names from being anything but text', () => {
    const name = '</script><script>alert(1)</script><!-- \u2028 " \' & \u001b[31m';
    const html = page(
      { ...sample, maps: [handMade(name)], findings: [{ ...sample.findings[0], message: name }] },
      name,
    );
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).not.toContain('<!-- ');
    expect(html).not.toMatch(/[\u2028\u001b]/);
    expect(html).toContain(
      '&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- \\u2028 &quot; &#39; &amp; \\x1b[31m',
    );
    const [, data] = /<script type="application\/json" id="page-data">(.*?)<\/script>/.exec(html) ?? ['', ''];
    expect(JSON.parse(data).documents[0].maps[0].domain).toContain('</script><script>alert(1)');
  });

  it('is below 1 MB with nine allocators of 2,048 buckets and a map of 4,000 runs', async () => {
    const compared = await replayed('bind-over-reservation.ndjson', '--allocator', 'all');
    const strategies = (compared.strategies ?? []).map((run, at) => ({
      ...run,
      timeline: wandering(2048, 64, at + 1),
    }));
    expect(strategies).toHaveLength(9);
    const html = renderPage(
      [{ name: 'a', document: { ...compared, strategies, maps: [crowded(4000)] } }],
      built,
      false,
    );
    expect(bytes(html)).toBeLessThan(1_000_000);
  });

  it('is below 1 MB with 3,000 domains, shows those that map the most, and counts the rest', async () => {
    const events = Array.from({ length: 3000 }, (_, i) => [
      { op: 'domain', id: `domain-${i}`, ...(i % 3 === 0 ? { quirks: ['NOPE'] } : {}) },
      ...Array.from({ length: i === 2000 ? 3 : i % 3 === 0 ? 0 : 1 }, (_one, nth) =>
        map(nth * M2, K4, { domain: `domain-${i}` }),
      ),
    ]).flat();
    const { stdout } = await runCli(['replay', '-', '--json', '--maps', '--timeline', '-q'], { stdin: ndjson(events) });
    const document = JSON.parse(stdout) as StatsDocument;
    expect(document.maps).toHaveLength(2000);
    const html = renderPage([{ name: 'a', document }], built, false);
    expect(bytes(html)).toBeLessThan(1_000_000);
    expect(html.match(/<div class="map"/g)).toHaveLength(40);
    expect(html).toContain('<strong>domain-2000</strong> 12.0 KiB mapped, 6 tables');
    expect(html).toContain('Those that map the most; 1,960 address spaces more');
    expect(html).toContain('... and 2,960 domains more');
    expect(html).toContain('... and 960 domains more refused');
    const [, data] = /<script type="application\/json" id="page-data">(.*?)<\/script>/.exec(html) ?? ['', ''];
    const shown = JSON.parse(data).documents[0].maps.map(({ domain }: { domain: string }) => domain);
    expect(shown).toEqual([...html.matchAll(/<strong>(domain-\d+)<\/strong> /g)].map(([, domain]) => domain));
  });

  it('tells what an address space has, not what its map shows', async () => {
    const prots = ['r', 'rw'];
    const events = [
      { op: 'domain', id: 'd0' },
      ...Array.from({ length: 9000 }, (_, i) => map(2 * i * K4, K4, { prot: prots[i % 2] })),
    ];
    const { stdout } = await runCli(['replay', '-', '--json', '--maps', '-q'], { stdin: ndjson(events) });
    const html = page(JSON.parse(stdout));
    expect(html).toContain('<strong>d0</strong> 35.2 MiB mapped, 39 tables, after event 9,000');
    expect(html).toContain('4,000 runs of the map stand for several each');
    expect(html).toMatch(/<th scope="row">L3<\/th><td class="number">36<\/td>.*9,000.*35\.2 MiB/);
    expect(html).not.toContain('Not shown');
  });

  it('refuses a timeline that holds something other than numbers', async () => {
    const timeline = wandering(4, 1);
    const [first] = Object.keys(timeline.counts);
    const counts = { ...timeline.counts, [first]: [1, 'x' as unknown as number, 2, 3] };
    expect(() => page({ ...sample, timeline: { ...timeline, counts } })).toThrow('"x" where a number below 2^64');
  });

  it('of a shipped recording is below 1 MB', async () => {
    const document = await replayed('smmuv3-kprobe-6.1-vfio.txt.gz', '--timeline', '--maps');
    const html = renderPage([{ name: 'a', document }], built, false);
    expect(document.timeline?.events).toBeGreaterThan(100);
    expect(document.maps?.length).toBe(2);
    expect(bytes(html)).toBeLessThan(1_000_000);
  });
});

describe('its script and style sheet', () => {
  it('are the same bytes at every build, carry the notice of uPlot, and fetch nothing', async () => {
    const [one, other] = [await bundle(), await bundle()];
    expect(other).toEqual(one);
    expect(one.script).toMatch(
      /^\/\*! uPlot[\s\S]*Copyright \(c\) \d+ Leon Sorokin[\s\S]*Permission is hereby granted/,
    );
    expect(one.script).not.toMatch(
      /localStorage|sessionStorage|XMLHttpRequest|\bfetch\(|import\(|\beval\(|new Function/,
    );
    expect(one.style).not.toMatch(/@import|url\(/);
    expect(one.script.length + one.style.length).toBeLessThan(120_000);
  });

  it('are asked for where there is no build', () => {
    const folder = mkdtempSync(`${tmpdir()}/pgtrace-assets-`);
    try {
      expect(() => pageAssets(pathToFileURL(`${folder}/`))).toThrow(/client\.js is missing; `npm run build` makes it/);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const style = { color: false, width: null, reservations: false, strict: false, all: false, assets: ASSETS };
    expect(HTML_REPORTER.render([], style)).toContain('<!DOCTYPE html>');
    expect(STATS_FORMATS.html).toEqual(['html', 'htm']);
  });
});

describe('markup', () => {
  it('keeps the colours of sentences and nothing else', () => {
    expect(inked(`${INK.green('ok')}: ${INK.red(`2 <${INK.bold('x')}> y`)}\n`)).toBe(
      '<span class="good">ok</span>: <span class="bad">2 &lt;</span><span class="strong bad">x</span><span class="bad">&gt; y</span>',
    );
    expect(text('a\u0007<b>')).toBe('a\\x07&lt;b&gt;');
  });

  it('writes JSON that ends no script', () => {
    const value = { a: '</script>', b: '<!--', c: '\u2028&' };
    expect(scriptJson(value)).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(scriptJson(value))).toEqual(value);
  });
});
