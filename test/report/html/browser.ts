import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';

/** Why no browser can be had here; null when one can. */
export const NO_BROWSER: string | null = existsSync(CHROMIUM) ? null : `there is no ${CHROMIUM}`;

/** What a page did that it must not do. */
export interface Watched {
  readonly page: Page;
  /** Messages of the console, errors, violations of its policy. */
  readonly complaints: string[];
  /** Everything that was asked for, the page itself first. */
  readonly requests: string[];
}

export interface View {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly javaScript?: boolean;
}

/** A browser without a network, and pages from files in a folder of its own. */
export class Viewer {
  readonly #browser: Browser;
  readonly #folder = mkdtempSync(join(tmpdir(), 'pgtrace-html-'));
  #files = 0;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<Viewer> {
    const args = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    return new Viewer(await chromium.launch({ executablePath: CHROMIUM, args }));
  }

  /** Opens a page as a file. */
  async open(html: string, { width = 1280, colorScheme = 'light', javaScript = true }: View = {}): Promise<Watched> {
    const file = join(this.#folder, `${this.#files++}.html`);
    writeFileSync(file, html);
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme,
      javaScriptEnabled: javaScript,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('request', (request) => requests.push(request.url()));
    await page.addInitScript(
      "document.addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective))",
    );
    await page.goto(`file://${file}`);
    return { page, complaints, requests };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Nothing went wrong, and nothing was asked for but the page. */
export async function isQuiet({ page, complaints, requests }: Watched): Promise<void> {
  expect(complaints).toEqual([]);
  expect(requests).toEqual([page.url()]);
  await page.context().close();
}

/** What a place of the map tells, by the names of the facts. */
export async function facts(place: Locator): Promise<Record<string, string>> {
  const names = await place.locator('dt').allTextContents();
  const values = await place.locator('dd').allTextContents();
  return Object.fromEntries(names.map((name, at) => [name, values[at]]));
}

/** Where the first map tells what is picked. */
export function detail(page: Page): Locator {
  return page.locator('.map .detail').first();
}
